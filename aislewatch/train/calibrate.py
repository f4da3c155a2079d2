"""Makes a trained network's scores mean what they say (Guo et al. 2017, temperature scaling).

Focal loss makes scores timid: the demo's thefts lay between 0.52 and 0.67, below the paper's
threshold of 0.8 for an alert, though nearly all were right (docs/benchmarks.md).
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from aislewatch.models.build import Detector
from aislewatch.models.scoring import clip_logits

# Natural logarithms of the temperatures looked at: scores up to 20 times sharper or flatter.
LOG_TEMPERATURES = (-3.0, 3.0)


def calibrate(
    model: Detector, val: pd.DataFrame, frames_dir: Path, device: torch.device, batch: int
) -> None:
    """Set the temperature of a trained model, which is 1 until then, by the validation clips.

    Args:
        model: trained, in evaluation mode; changed in place.
        val: uses frames_file, start, label.
        frames_dir: the frame store.
        device: to score on.
        batch: clips scored at once.
    """
    logits_N = clip_logits(model, val, frames_dir, device, batch)
    labels_N = torch.from_numpy(val["label"].to_numpy(np.int64, copy=True))
    model.temperature.fill_(fit_temperature(logits_N, labels_N))


def fit_temperature(logits_N: Tensor, labels_N: Tensor) -> float:
    """Find the T that gives σ(logit / T) the least log loss (Guo et al. 2017), by Brent's method.

    It moves no score across 0.5 and changes no order: AUC and accuracy stay. 1 where one class is
    missing: then the best T is infinite or zero.

    Args:
        logits_N: of validation clips, at temperature 1, on the CPU.
        labels_N: 0 or 1.
    """
    if int(labels_N.min()) == int(labels_N.max()):
        return 1.0
    signed_N = (logits_N * (1 - 2 * labels_N)).double().numpy()

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0.0, signed_N / math.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded")
    return math.exp(float(found.x))
