"""The footage of the benchmark as arrays: decoded by the product, packed for the way to a GPU."""

import csv
import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.tables import Clips

FPS = 10
SIZE = 128  # the product's frame store
# Middles of the thefts in the untrimmed videos, by UCF-Crime's annotation, in the container's time.
THEFTS_S = {
    "cctv/shoplifting/ucfcrime__Shoplifting016_x264_tagged.mp4": 33.75,
    "cctv/shoplifting/ucfcrime__Shoplifting027_x264_tagged.mp4": 56.0,
}
FOLDS_FILE = Path(__file__).parent / "folds" / "mnnit.csv"


@dataclass(frozen=True)
class Footage:
    """Frames of some videos, one after another."""

    names: list[str]
    lengths: NDArray[np.int64]
    frames: NDArray[np.uint8]  # (F, 192, 128), packed I420

    def first(self) -> NDArray[np.int64]:
        """First frame of each video."""
        return np.cumsum(self.lengths) - self.lengths


@dataclass(frozen=True)
class Folded:
    """The MNNIT clips with their folds."""

    clips: Clips
    fold: NDArray[np.int64]
    recording: list[str]
    contradicted: NDArray[np.bool_]  # the same take stands under both labels: never trained on

    def train_rows(self, held_out: set[int]) -> NDArray[np.int64]:
        """Clips outside the folds, contradictions left out."""
        return np.flatnonzero(~np.isin(self.fold, list(held_out)) & ~self.contradicted)

    def some_recordings(self, held_out: set[int], share: float, seed: int) -> NDArray[np.int64]:
        """The same, of a share of the recordings, drawn by chance."""
        rows = self.train_rows(held_out)
        names = sorted({self.recording[row] for row in rows})
        random = np.random.default_rng([seed, *sorted(held_out)])
        kept = set(random.permutation(names)[: round(share * len(names))])
        return np.array([row for row in rows if self.recording[row] in kept])


def pack(footage: Footage, file: Path) -> None:
    """Write losslessly; a fixed camera's frames differ little, so differences are compressed."""
    frames = footage.frames.copy()
    frames[1:] -= footage.frames[:-1]
    np.savez(file.with_suffix(".npz"), names=np.array(footage.names), lengths=footage.lengths)
    file.with_suffix(".xz").write_bytes(lzma.compress(frames.tobytes(), preset=1))


def unpack(file: Path) -> Footage:
    """Read what ``pack`` wrote."""
    table = np.load(file.with_suffix(".npz"))
    raw = np.frombuffer(lzma.decompress(file.with_suffix(".xz").read_bytes()), np.uint8)
    frames = np.add.accumulate(raw.reshape(-1, SIZE * 3 // 2, SIZE), axis=0, dtype=np.uint8)
    return Footage([str(n) for n in table["names"]], table["lengths"], frames)


def mnnit(footage: Footage) -> Folded:
    """Labels and folds of the clips, as committed."""
    with FOLDS_FILE.open() as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    of_clip = [rows[name] for name in footage.names]
    labels = np.array([row["label"] == "shoplifting" for row in of_clip], np.float32)
    return Folded(
        Clips(footage.first(), footage.lengths, labels),
        np.array([int(row["fold"]) for row in of_clip]),
        [row["recording"] for row in of_clip],
        np.array([row["contradicted"] == "1" for row in of_clip]),
    )


def shop(footage: Footage, events: dict[str, tuple[float, float]], first_frame: int) -> Clips:
    """Clips of the synthetic shop: 3 s around each theft, all of every normal video.

    Args:
        footage: its videos.
        events: theft in seconds, by video.
        first_frame: where its frames lie behind other footage.
    """
    first, length = footage.first() + first_frame, footage.lengths.copy()
    labels = np.zeros(len(footage.names), np.float32)
    for number, name in enumerate(footage.names):
        if name not in events:
            continue
        labels[number] = 1
        _cut(first, length, number, round(FPS * sum(events[name]) / 2))
    return Clips(first, length, labels)


def cctv(footage: Footage, first_frame: int) -> Clips:
    """3 s from the middle of each labelled clip of real cameras; of the two untrimmed, the theft.

    Args:
        footage: its videos.
        first_frame: where its frames lie behind other footage.
    """
    keep = [i for i, name in enumerate(footage.names) if "unlabeled" not in name]
    first, length = footage.first()[keep] + first_frame, footage.lengths[keep].copy()
    for place, i in enumerate(keep):
        middle = THEFTS_S.get(footage.names[i], length[place] / 2 / FPS) * FPS
        _cut(first, length, place, middle)
    label = np.array(["/shoplifting/" in footage.names[i] for i in keep], np.float32)
    return Clips(first, length, label)


def _cut(first: NDArray[np.int64], length: NDArray[np.int64], at: int, middle: float) -> None:
    """Leave of video ``at`` the 3 s around a frame of it, or all where it is shorter."""
    start = int(np.clip(middle - 15, 0, max(0, length[at] - 30)))
    first[at] += start
    length[at] = min(30, length[at] - start)
