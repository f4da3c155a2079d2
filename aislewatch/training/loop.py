"""The training loop: Adam, focal loss, early stopping; the same on CPU and GPU, and repeatable."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from aislewatch.config import Learning
from aislewatch.errors import TrainingError
from aislewatch.models.build import Detector, ModelConfig, build
from aislewatch.scoring import clip_logits
from aislewatch.training.augment import draw_views
from aislewatch.training.checkpoint import Checkpoint
from aislewatch.training.data import TrainingData, epoch_order, training_batches
from aislewatch.training.losses import focal_loss


@dataclass(frozen=True)
class Adam:
    """Settings of Adam (the paper's eqs. 6-10, by torch).

    The print of eqs. 8-9 lost the power: the bias corrections divide by 1 - β^t. Eq. 10 lost the
    hat: the step is lr · m̂ / (√v̂ + ε).
    """

    lr: float
    beta1: float
    beta2: float
    eps: float


# "Optimization with Adam" in the paper's sections 3 and 4.
PAPER_ADAM = Adam(lr=3e-4, beta1=0.9, beta2=0.999, eps=1e-7)


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training, the data and the machine aside."""

    config: ModelConfig
    learning: Learning
    adam: Adam
    epochs: int  # at most
    patience: int  # epochs without a better validation loss after which it stops
    seed: int


@dataclass(frozen=True)
class EpochRow:
    """One line of the learning curve; epochs count from 1."""

    epoch: int
    train_loss: float  # mean over the epoch, with augmentation and dropout
    val_loss: float
    val_auc: float
    val_accuracy: float  # at a score of 0.5


@dataclass
class _State:
    model: Detector
    optimizer: torch.optim.Adam
    rows: list[EpochRow] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def best(self) -> EpochRow:
        return min(self.rows, key=lambda row: row.val_loss)

    def finished(self, recipe: Recipe) -> bool:
        if not self.rows:
            return False
        waited = len(self.rows) - self.best().epoch
        return len(self.rows) >= recipe.epochs or waited >= recipe.patience


def train(
    recipe: Recipe,
    data: TrainingData,
    device: torch.device,
    on_epoch: Callable[[EpochRow], None],
    checkpoint: Checkpoint | None = None,
) -> tuple[Detector, list[EpochRow]]:
    """Train a network; same recipe, data, device and threads, same bits.

    Args:
        recipe: what to train, and how.
        data: clips to learn from, and to stop by.
        device: as ``set_up_compute`` returns it.
        on_epoch: called after every epoch, also for those that the checkpoint brought back; what
            it raises ends the training.
        checkpoint: where the state is kept after each epoch, and found again after a kill.

    Returns:
        The network with the weights of the epoch of least validation loss, and the curve.

    Raises:
        TrainingError: a loss is not a number.
        FootageError: a file of the frame store is missing or too short.
    """
    state = _start(recipe, device, checkpoint)
    for row in state.rows:
        on_epoch(row)
    while not state.finished(recipe):
        row = _epoch(state, recipe, data, device)
        state.rows.append(row)
        if state.best() is row:
            weights = state.model.state_dict()
            state.best_weights = {name: tensor.clone() for name, tensor in weights.items()}
        if checkpoint is not None:
            checkpoint.save(_packed(state))
        on_epoch(row)
    state.model.load_state_dict(state.best_weights)
    return state.model.eval(), state.rows


def _start(recipe: Recipe, device: torch.device, checkpoint: Checkpoint | None) -> _State:
    torch.manual_seed(recipe.seed)
    model = build(recipe.config).to(device)
    adam = recipe.adam
    optimizer = torch.optim.Adam(
        model.parameters(), lr=adam.lr, betas=(adam.beta1, adam.beta2), eps=adam.eps
    )
    state = _State(model, optimizer)
    saved = checkpoint.load() if checkpoint is not None else None
    if saved is not None:
        model.load_state_dict(saved["weights"])
        optimizer.load_state_dict(saved["optimizer"])
        state.rows = [EpochRow(**row) for row in saved["rows"]]
        state.best_weights = saved["best_weights"]
    return state


def _packed(state: _State) -> dict[str, Any]:
    return {
        "weights": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "rows": [asdict(row) for row in state.rows],
        "best_weights": state.best_weights,
    }


def _epoch(state: _State, recipe: Recipe, data: TrainingData, device: torch.device) -> EpochRow:
    epoch = len(state.rows) + 1
    train_loss = _learn(state, recipe, data, device, epoch)
    logits_N = clip_logits(
        state.model, data.val, data.frames_dir, device, recipe.learning.batch_size
    )
    labels_N = torch.from_numpy(data.val["label"].to_numpy(np.float32))
    val_loss = float(focal_loss(logits_N, labels_N, recipe.learning.focal_gamma))
    if not np.isfinite(val_loss):
        raise TrainingError(f"the validation loss is {val_loss} after epoch {epoch}; {_REMEDY}")
    return EpochRow(
        epoch=epoch,
        train_loss=train_loss,
        val_loss=val_loss,
        val_auc=roc_auc(logits_N, labels_N),
        val_accuracy=float(((logits_N > 0) == (labels_N > 0.5)).float().mean()),
    )


def roc_auc(logits_N: Tensor, labels_N: Tensor) -> float:
    """Area under the ROC curve, as Mann and Whitney's U; ties count half.

    scikit-learn has it too, but takes 1.8 s to import, in every training of the pipeline.
    """
    ranks_N = pd.Series(logits_N.numpy()).rank().to_numpy()
    positive_N = labels_N.numpy() > 0.5
    n_positive = int(positive_N.sum())
    n_pairs = n_positive * (len(labels_N) - n_positive)
    return float(ranks_N[positive_N].sum() - n_positive * (n_positive + 1) / 2) / n_pairs


_REMEDY = "the learning rate is too high or epsilon too small: lower train's or tune's range of lr"


def _learn(
    state: _State, recipe: Recipe, data: TrainingData, device: torch.device, epoch: int
) -> float:
    """One pass over the training clips; the mean loss."""
    learning = recipe.learning
    # Dropout draws from the global generators; seeded by epoch, a resumed training draws the same.
    torch.manual_seed(int(np.random.default_rng([recipe.seed, epoch]).integers(2**63)))
    state.model.train()
    labels = data.train["label"].to_numpy(np.int64)
    order = epoch_order(labels, recipe.seed, epoch, learning.oversample)
    losses = []
    for batch in training_batches(data, recipe.config, order, learning.batch_size):
        views = draw_views(learning, recipe.seed, epoch, batch.positions)
        yuv_BTKW = torch.from_numpy(batch.yuv).to(device)
        labels_B = torch.from_numpy(batch.labels).to(device)
        logits_B = state.model(yuv_BTKW, views.to(device))
        loss = focal_loss(logits_B, labels_B, learning.focal_gamma)
        state.optimizer.zero_grad()
        torch.autograd.backward(loss)
        state.optimizer.step()
        losses.append(loss.detach() * len(labels_B))
    # Looked at once an epoch: asking a GPU for every loss would make it wait for the CPU.
    losses_N = torch.stack(losses).double().cpu()
    wrong = torch.nonzero(~torch.isfinite(losses_N))
    if len(wrong):
        raise TrainingError(
            f"the loss is {float(losses_N[wrong[0]])} in epoch {epoch}, batch {int(wrong[0]) + 1} "
            f"of {len(losses_N)}; {_REMEDY}"
        )
    return float(losses_N.sum()) / len(order)
