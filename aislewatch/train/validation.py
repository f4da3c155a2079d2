"""Measures a network on the validation clips after an epoch: a line of the learning curve."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from aislewatch.errors import TrainingError
from aislewatch.models.build import Detector
from aislewatch.models.scoring import clip_logits
from aislewatch.train.data import TrainingData
from aislewatch.train.losses import focal_loss
from aislewatch.train.processes import Processes

# What to do about a loss that is no number.
REMEDY = "the learning rate is too high or epsilon too small: lower train's or tune's range of lr"


@dataclass(frozen=True)
class EpochRow:
    """One line of the learning curve; epochs count from 1."""

    epoch: int
    train_loss: float  # mean over the epoch, with augmentation and dropout
    val_loss: float
    val_auc: float
    val_accuracy: float  # at a score of 0.5


def validated(
    model: Detector,
    data: TrainingData,
    processes: Processes,
    focal_gamma: float,
    at_once: int,
    *,
    epoch: int,
    train_loss: float,
) -> EpochRow:
    """Return the epoch's line of the curve; each process scores a part of the validation clips.

    Raises:
        TrainingError: the loss is not a number.
    """
    part_N = processes.part(np.arange(len(data.val)))
    logits_N = torch.zeros(len(data.val), device=processes.device)
    logits_N[part_N] = clip_logits(
        model, data.val.iloc[part_N], data.frames_dir, processes.device, at_once
    ).to(processes.device)
    logits_N = processes.total(logits_N).cpu()
    labels_N = torch.from_numpy(data.val["label"].to_numpy(np.float32))
    val_loss = float(focal_loss(logits_N, labels_N, focal_gamma))
    if not np.isfinite(val_loss):
        raise TrainingError(f"the validation loss is {val_loss} after epoch {epoch}; {REMEDY}")
    return EpochRow(
        epoch=epoch,
        train_loss=train_loss,
        val_loss=val_loss,
        val_auc=roc_auc(logits_N, labels_N),
        val_accuracy=float(((logits_N > 0) == (labels_N > 0.5)).float().mean()),
    )


def roc_auc(logits_N: Tensor, labels_N: Tensor) -> float:
    """Compute the area under the ROC curve, as Mann and Whitney's U; ties count half.

    scikit-learn has it too, but takes 1.8 s to import, in every training of the pipeline.
    """
    ranks_N = pd.Series(logits_N.numpy()).rank().to_numpy()
    positive_N = labels_N.numpy() > 0.5
    n_positive = int(positive_N.sum())
    n_pairs = n_positive * (len(labels_N) - n_positive)
    return float(ranks_N[positive_N].sum() - n_positive * (n_positive + 1) / 2) / n_pairs
