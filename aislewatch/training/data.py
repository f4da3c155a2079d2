"""The clips a training learns from, and the order in which it sees them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.errors import TrainingError
from aislewatch.footage.batches import read_batches
from aislewatch.models.build import CLASSES, ModelConfig
from aislewatch.scoring import clip_addresses


@dataclass(frozen=True)
class TrainingData:
    """Clips of the two splits that training may see (columns frames_file, start, label)."""

    train: pd.DataFrame
    val: pd.DataFrame
    frames_dir: Path


@dataclass(frozen=True)
class Batch:
    """Some clips of an epoch."""

    yuv: npt.NDArray[np.uint8]  # BTKW; overwritten once the next batch is asked for
    labels: npt.NDArray[np.float32]  # (B,)
    positions: npt.NDArray[np.int64]  # (B,) places in the epoch's order, which name the draw


def load_training_data(splits_file: Path, frames_dir: Path) -> TrainingData:
    """Read splits.parquet; clips of the test split are left out here and seen nowhere in training.

    Raises:
        TrainingError: the file is missing, or a split lacks a class.
    """
    try:
        clips = pd.read_parquet(splits_file, columns=["frames_file", "start", "label", "split"])
    except FileNotFoundError:
        raise TrainingError(f"{splits_file} is missing; run the split stage first") from None
    sides = {}
    for split in ("train", "val"):
        sides[split] = clips[clips["split"] == split].drop(columns="split").reset_index(drop=True)
        _check_classes(sides[split]["label"], split)
    return TrainingData(sides["train"], sides["val"], frames_dir)


def _check_classes(labels: "pd.Series[int]", split: str) -> None:
    counts = [int((labels == label).sum()) for label in range(len(CLASSES))]
    if min(counts) == 0:
        missing = CLASSES[counts.index(0)]
        raise TrainingError(
            f"the {split} split has {counts[0]} normal and {counts[1]} shoplifting clips, none of "
            f"{missing!r}: nothing can be learned or judged; add footage of {missing!r}"
        )


def epoch_order(
    labels: npt.NDArray[np.int64], seed: int, epoch: int, oversample: bool
) -> npt.NDArray[np.int64]:
    """Rows in the order an epoch shows them, the same for the same (seed, epoch).

    Args:
        labels: class of every row.
        seed: of the training.
        epoch: counted from 1.
        oversample: draw both classes equally often, the smaller one's rows repeatedly, the larger
            one's by turns: an epoch has as many clips as without, plus one if that is odd.
    """
    random = np.random.default_rng([seed, epoch])
    if not oversample:
        return random.permutation(len(labels))
    draws = math.ceil(len(labels) / len(CLASSES))
    drawn = []
    for label in range(len(CLASSES)):
        rows = np.flatnonzero(labels == label)
        rounds = math.ceil(draws / len(rows))
        shuffled = np.concatenate([random.permutation(rows) for _ in range(rounds)])
        drawn.append(shuffled[:draws])
    return random.permutation(np.concatenate(drawn))


def training_batches(
    data: TrainingData, config: ModelConfig, order: npt.NDArray[np.int64], batch_size: int
) -> Iterator[Batch]:
    """Read the training clips in ``order``, a batch at a time; the last one may be smaller.

    Raises:
        FootageError: a file of the frame store is missing or too short.
    """
    addresses = clip_addresses(data.train)
    labels = data.train["label"].to_numpy(np.float32)
    starts = range(0, len(order), batch_size)
    batches = ([addresses[row] for row in order[start : start + batch_size]] for start in starts)
    arrays = read_batches(data.frames_dir, batches, config.n_frames, config.step, config.frame_size)
    for start, yuv_BTKW in zip(starts, arrays, strict=True):
        rows = order[start : start + batch_size]
        yield Batch(yuv_BTKW, labels[rows], np.arange(start, start + len(rows)))
