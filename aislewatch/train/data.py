"""Holds the clips that a training learns from, in the order in which it sees them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.config.learning import Learning
from aislewatch.errors import TrainingError
from aislewatch.frames.batches import ClipAddress, Empty, pageable, read_batches
from aislewatch.frames.sources import ClipSource
from aislewatch.models.build import CLASSES, ModelConfig
from aislewatch.models.scoring import clip_addresses, source_of
from aislewatch.tables import places
from aislewatch.tables.split import SPLITS

# Clips of a sample: 2 frames of 256 clips give each channel's deviation to 1 %, and take 13 MB.
SAMPLED = 256
# Chooses the frames of a clip by its file, its first frame and its position in the epoch's order.
FramesOf = Callable[[str, int, int], ClipAddress]


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


@dataclass(frozen=True)
class Epoch:
    """One pass over the training clips, planned before it begins."""

    number: int  # counted from 1
    order: npt.NDArray[np.int64]  # rows of the training table
    batches: list[npt.NDArray[np.int64]]  # positions in the order that each step learns from


def load_training_data(splits_file: Path, frames_dir: Path) -> TrainingData:
    """Read splits.parquet without its test clips, which training never sees.

    Raises:
        TableError: the file is missing or damaged.
        TrainingError: a split lacks a class.
    """
    clips = SPLITS.at(splits_file).read(["frames_file", "start", "label", "split"])
    return _of_sides(clips, frames_dir)


def load_people(splits_file: Path, source: ClipSource, span: int) -> TrainingData:
    """Read the clips as ``load_training_data`` does, each as it shows one person.

    A window of shoplifting shows the main person alone: who else was there did nothing. A normal
    window shows everybody, and one in which there is nobody teaches nothing.

    Args:
        splits_file: splits.parquet.
        source: where the people's frames are.
        span: store frames from a clip's first to its last.

    Raises:
        TableError: the file is missing or damaged.
        TrainingError: a split lacks a class.
    """
    clips = SPLITS.at(splits_file).read(["video", "frames_file", "start", "label", "split"])
    views = source.views_of(clips[clips["split"].isin(("train", "val"))], span)
    main = views.sort_values("prominence", kind="stable").drop_duplicates("row", keep="last").index
    views = views[(views["label"] == 0) | views.index.isin(main)]
    return _of_sides(views[["frames_file", "start", "label", "split"]], source.folder)


def data_for(
    config: ModelConfig, splits_file: Path = places.SPLITS, frames_dir: Path = places.FRAMES
) -> TrainingData:
    """Read the clips that a network of this configuration learns from.

    Args:
        config: of the network.
        splits_file: splits.parquet.
        frames_dir: the frame store, for a network that is shown whole pictures.

    Raises:
        TableError: a table is missing or damaged.
        TrainingError: a split lacks a class.
    """
    if config.people is None:
        return load_training_data(splits_file, frames_dir)
    return load_people(splits_file, source_of(config), config.span)


def _of_sides(clips: pd.DataFrame, frames_dir: Path) -> TrainingData:
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


def sample_of(data: TrainingData, config: ModelConfig) -> npt.NDArray[np.uint8]:
    """Read the first and the last frame of training clips from all over the table, uint8 BTKW.

    Raises:
        FootageError: a file of frames is missing or too short.
    """
    addresses = clip_addresses(data.train)
    chosen = [addresses[:: max(1, len(addresses) // SAMPLED)]]
    [yuv_BTKW] = read_batches(data.frames_dir, chosen, 2, config.span - 1, config.frame_shape)
    return yuv_BTKW


def epoch_order(
    labels: npt.NDArray[np.int64],
    seed: int,
    epoch: int,
    oversample: bool,
    at_most: int | None = None,
) -> npt.NDArray[np.int64]:
    """Return rows in the order an epoch shows them, the same for the same (seed, epoch).

    Args:
        labels: class of every row.
        seed: of the training.
        epoch: counted from 1.
        oversample: draw both classes equally often, the smaller one's rows repeatedly, the larger
            one's by turns: an epoch has as many clips as without, plus one if that is odd.
        at_most: clips of an epoch; None: as many as there are rows.
    """
    random = np.random.default_rng([seed, epoch])
    shown = len(labels) if at_most is None else min(at_most, len(labels))
    if not oversample:
        return random.permutation(len(labels))[:shown]
    draws = math.ceil(shown / len(CLASSES))
    drawn = []
    for label in range(len(CLASSES)):
        rows = np.flatnonzero(labels == label)
        rounds = math.ceil(draws / len(rows))
        shuffled = np.concatenate([random.permutation(rows) for _ in range(rounds)])
        drawn.append(shuffled[:draws])
    return random.permutation(np.concatenate(drawn))


def plan_epoch(data: TrainingData, learning: Learning, seed: int, number: int) -> Epoch:
    """List the clips of each step of epoch ``number``; the last step takes those that are left."""
    labels = data.train["label"].to_numpy(np.int64)
    order = epoch_order(labels, seed, number, learning.oversample, learning.epoch_clips)
    starts = range(learning.batch_size, len(order), learning.batch_size)
    return Epoch(number, order, np.split(np.arange(len(order)), starts))


def as_filmed(file: str, start: int, position: int) -> ClipAddress:
    """Choose a clip's frames as segment cut them."""
    return file, start


def training_batches(
    data: TrainingData,
    config: ModelConfig,
    order: npt.NDArray[np.int64],
    batches: Sequence[npt.NDArray[np.int64]],
    empty: Empty = pageable,
    frames_of: FramesOf = as_filmed,
) -> Iterator[Batch]:
    """Read training clips, a batch at a time.

    Args:
        data: the clips.
        config: how long and how large they are.
        order: rows of the training table, as ``epoch_order`` returns them.
        batches: positions in ``order`` of the clips of each batch, which may be empty.
        empty: as in ``read_batches``.
        frames_of: chooses the frames of a clip.

    Raises:
        FootageError: a file of the frame store is missing or too short.
    """
    addresses = clip_addresses(data.train)
    labels = data.train["label"].to_numpy(np.float32)

    def chosen(position: int) -> ClipAddress:
        file, start = addresses[order[position]]
        return frames_of(file, start, position)

    wanted = ([chosen(int(position)) for position in positions_B] for positions_B in batches)
    arrays = read_batches(
        data.frames_dir, wanted, config.n_frames, config.step, config.frame_shape, empty
    )
    for positions_B, yuv_BTKW in zip(batches, arrays, strict=True):
        yield Batch(yuv_BTKW, labels[order[positions_B]], positions_B)
