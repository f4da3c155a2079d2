"""The training loop: Adam, focal loss, early stopping; the same on CPU and GPU, and repeatable.

Nothing is drawn from a generator that has a state: the order of clips, their views and their
dropout follow from (seed, epoch, position). So weights, optimizer and curve are the whole state,
and a training killed anywhere goes on from its last checkpoint to the same bits.
"""

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aislewatch.config.learning import Learning, Precision
from aislewatch.errors import TrainingError
from aislewatch.frames.batches import pageable
from aislewatch.models.build import Detector, ModelConfig, build
from aislewatch.models.encoder import mixes_clips
from aislewatch.models.features import FeatureInput
from aislewatch.models.scoring import clip_addresses
from aislewatch.train.adam import OptimizerSettings
from aislewatch.train.augment import draw_views
from aislewatch.train.averaging import Average
from aislewatch.train.checkpoint import Checkpoint
from aislewatch.train.data import Epoch, TrainingData, plan_epoch, sample_of, training_batches
from aislewatch.train.kernels.precision import compute_in
from aislewatch.train.mixup import draw_shares, with_clip_before
from aislewatch.train.prefetch import DeviceBatch, pinned, prefetch
from aislewatch.train.processes import Processes
from aislewatch.train.schedule import rate_factor
from aislewatch.train.speed import played
from aislewatch.train.start import load_pretrained
from aislewatch.train.state import State
from aislewatch.train.step import Stepper
from aislewatch.train.validation import REMEDY, EpochRow, validated

# Steps from one look at the losses to the next. A look makes a GPU wait for the CPU, about a step's
# launches; one in 16 costs little, and at most 15 steps are computed in vain after a loss that is
# no number.
LOOK_STEPS = 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training, the data and the machine aside."""

    config: ModelConfig
    learning: Learning
    optimizer: OptimizerSettings
    epochs: int  # at most
    patience: int  # epochs without a better validation loss after which it stops
    seed: int
    precision: Precision = "float32"
    start_from: Path | None = None  # a trained network whose weights it begins with
    # Focal γ of the validation loss, which stops a training and compares trials: the same for all,
    # whatever γ each learns by, as a larger γ makes every loss smaller. None: that of learning.
    judged_by: float | None = None


def train(
    recipe: Recipe,
    data: TrainingData,
    processes: Processes,
    on_epoch: Callable[[EpochRow], None],
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> tuple[Detector, list[EpochRow]]:
    """Train a network; same recipe, data, device, threads and processes give the same bits.

    Args:
        recipe: what to train, and how.
        data: clips to learn from, and to stop by.
        processes: the device, and who else computes a part of every batch.
        on_epoch: called after every epoch, also for those that the checkpoint brought back; what
            it raises ends the training.
        checkpoint: where the state is kept, and found again after a kill.
        on_step: called after every step; what it raises ends the training.

    Returns:
        The network with the weights of the epoch of least validation loss, averaged where
        ``learning.average`` asks for it, and the curve.

    Raises:
        TrainingError: a loss or gradient is not a number, a clip exceeds the device's memory, or
            the device has no such precision.
        FootageError: a file of the frame store is missing or too short.
        ModelError: there is no network to go on from, or one of other sizes.
    """
    state = _start(recipe, data, processes)
    if checkpoint is not None and (saved := checkpoint.load()) is not None:
        state.restore(saved)
    keeper = checkpoint if processes.rank == 0 else None
    for row in state.rows:
        on_epoch(row)
    judged_by = recipe.learning.focal_gamma if recipe.judged_by is None else recipe.judged_by
    while not state.finished(recipe.epochs, recipe.patience):
        train_loss = _learn(state, recipe, data, processes, keeper, on_step)
        row = validated(
            state.judged(),
            data,
            processes,
            judged_by,
            state.stepper.at_once,
            epoch=len(state.rows) + 1,
            train_loss=train_loss,
        )
        state.end_epoch(row)
        if keeper is not None:
            keeper.save(state.packed())
        on_epoch(row)
    state.model.load_state_dict(state.best_weights)
    return state.model.eval(), state.rows


def training_steps(recipe: Recipe, data: TrainingData, processes: Processes) -> Iterator[Tensor]:
    """Yield the steps of a training without end, for who watches them rather than their result."""
    state = _start(recipe, data, processes)
    for number in itertools.count(1):
        yield from _steps(
            state, recipe, data, processes, plan_epoch(data, recipe.learning, recipe.seed, number)
        )


def _start(recipe: Recipe, data: TrainingData, processes: Processes) -> State:
    if recipe.precision == "bf16_fused" and recipe.config.model.encoder == "detector":
        raise TrainingError(
            "learning.precision bf16_fused has no kernels for model.encoder detector; set "
            "learning.precision to bf16 or float32"
        )
    if recipe.precision == "bf16_fused" and processes.device.type != "cuda":
        raise TrainingError(
            "learning.precision bf16_fused needs an NVIDIA GPU, and this training would run on the "
            "CPU; set learning.precision to float32 or bf16"
        )
    torch.manual_seed(recipe.seed)
    model = build(recipe.config)
    if isinstance(model.input, FeatureInput):
        model.input.fit(torch.from_numpy(sample_of(data, recipe.config)))
    model = compute_in(model.to(processes.device), recipe.precision)
    if recipe.start_from is not None:
        load_pretrained(model, recipe.start_from)
    if mixes_clips(model) and processes.count > 1:
        raise TrainingError(
            "model.norm batch normalises over the whole batch, which several processes cannot "
            "share; set model.norm to group, or train on one process"
        )
    optimizer = recipe.optimizer.over(model.parameters())
    learning = recipe.learning
    at_once = -(-learning.batch_size // processes.count)
    stepper = Stepper(model, optimizer, learning.focal_gamma, processes, at_once)
    average = Average(model, learning.average) if learning.average else None
    return State(model, optimizer, stepper, average)


def _learn(
    state: State,
    recipe: Recipe,
    data: TrainingData,
    processes: Processes,
    keeper: Checkpoint | None,
    on_step: Callable[[], None],
) -> float:
    """Do the steps left of one pass over the training clips; return the whole pass's mean loss."""
    epoch = plan_epoch(data, recipe.learning, recipe.seed, len(state.rows) + 1)
    last = len(epoch.batches)
    unread: list[Tensor] = []
    for step, figures in enumerate(
        _steps(state, recipe, data, processes, epoch), start=len(state.losses) + 1
    ):
        unread.append(figures)
        on_step()
        if step % LOOK_STEPS == 0 or step == last:
            _look(state, unread, data, epoch)
            unread = []
            if keeper is not None and keeper.due():
                keeper.save(state.packed())
                logger.info("epoch %d: %d of %d steps", epoch.number, step, last)
    sizes = [len(positions_B) for positions_B in epoch.batches]
    return float(np.average(state.losses, weights=sizes))


def _steps(
    state: State, recipe: Recipe, data: TrainingData, processes: Processes, epoch: Epoch
) -> Iterator[Tensor]:
    """Take the steps left of an epoch; yield the loss and the gradient's norm after each."""
    state.model.train()
    done, learning = len(state.losses), recipe.learning
    left = epoch.batches[done:]
    parts = [processes.part(positions_B) for positions_B in left]
    if learning.mixup:
        parts = [with_clip_before(*both) for both in zip(parts, left, strict=True)]
    batches = prefetch(_drawn(recipe, data, epoch, parts, processes.device), processes.device)
    a_pass, before = len(epoch.batches), (epoch.number - 1) * len(epoch.batches)
    for step, (whole_B, batch) in enumerate(zip(left, batches, strict=True), start=before + done):
        rate = rate_factor(learning, step, recipe.epochs * a_pass)
        figures = state.stepper.step(batch, len(whole_B), rate)
        if state.average is not None:
            state.average.update(state.model, step)
        yield figures


def _drawn(
    recipe: Recipe,
    data: TrainingData,
    epoch: Epoch,
    parts: list[npt.NDArray[np.int64]],
    device: torch.device,
) -> Iterator[DeviceBatch]:
    """Yield batches of these positions, read and drawn for, in the CPU's memory."""
    learning, seed, number = recipe.learning, recipe.seed, epoch.number
    draws = int(np.random.default_rng([seed, number]).integers(2**62))
    empty = pinned if device.type == "cuda" else pageable
    frames_of = played(learning, recipe.config, data.frames_dir, seed, number)
    for batch in training_batches(data, recipe.config, epoch.order, parts, empty, frames_of):
        own_B = batch.positions[1:] if learning.mixup else batch.positions
        yield DeviceBatch(
            torch.from_numpy(batch.yuv),
            torch.from_numpy(batch.labels),
            draw_views(learning, seed, number, batch.positions),
            torch.from_numpy(draws + own_B),
            draw_shares(learning.mixup, seed, number, own_B),
        )


def _look(state: State, unread: list[Tensor], data: TrainingData, epoch: Epoch) -> None:
    """Collect the losses of the last steps; refuse those that are no numbers."""
    for loss, norm in torch.stack(unread).tolist():
        if not np.isfinite([loss, norm]).all():
            positions_B = epoch.batches[len(state.losses)]
            clips = data.train.iloc[epoch.order[positions_B]]
            names = [f"{file}@{start}" for file, start in clip_addresses(clips)]
            raise TrainingError(
                f"the loss is {loss} and its gradient's norm {norm} in epoch {epoch.number}, step "
                f"{len(state.losses) + 1} of {len(epoch.batches)}; {REMEDY}. Clips of that step "
                f"(frames file@first frame): {', '.join(names)}"
            )
        state.losses.append(loss)
