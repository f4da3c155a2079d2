"""Holds the videos of the protocol with their folds, and packs their frames to travel."""

import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislewatch.models.people_form import PeopleForm, read_people_form

FPS = 10
SIZE = 128  # the product's frame store
FOLDS_FILE = Path(__file__).parent / "folds" / "mnnit.csv"
# In the folder of the protocol: a row a video, its frames a file each, or all of them packed; where
# the frames are a detector's features, what the track stage wrote of them.
TABLE, FRAMES, PACKED, FORM = "videos.csv", "frames", "frames.xz", "form.json"


@dataclass(frozen=True)
class Folded:
    """Videos with their folds, and where their frames or features lie.

    ``videos`` has a row a video: path, label (1: shoplifting), recording, fold, contradicted (the
    same take stands under both labels: never trained on), frames_file, first (frame in its file)
    and n_frames.
    """

    videos: pd.DataFrame
    frames_dir: Path
    people: PeopleForm | None = None  # of features; None: whole pictures

    def column(self, name: str) -> NDArray[np.int64]:
        """Return a column of whole numbers, (N,)."""
        return self.videos[name].to_numpy(np.int64)

    def train_rows(self, held_out: set[int]) -> NDArray[np.int64]:
        """Return the videos outside the folds, contradictions left out."""
        outside = ~np.isin(self.column("fold"), list(held_out)) & self.shows_somebody
        return np.flatnonzero(outside & ~self.videos["contradicted"].to_numpy(bool))

    @property
    def shows_somebody(self) -> NDArray[np.bool_]:
        """Return which videos there are frames of; where people are shown, others have none."""
        shows_N: NDArray[np.bool_] = self.column("n_frames") > 0
        return shows_N

    def some_recordings(self, held_out: set[int], share: float, seed: int) -> NDArray[np.int64]:
        """Return those of a share of the recordings, drawn by chance."""
        rows, of_row = self.train_rows(held_out), self.videos["recording"].tolist()
        names = sorted({of_row[row] for row in rows})
        random = np.random.default_rng([seed, *sorted(held_out)])
        kept = set(random.permutation(names)[: round(share * len(names))])
        return np.array([row for row in rows if of_row[row] in kept])


def read_folded(folder: Path, frames_dir: Path | None = None) -> Folded:
    """Read a folder of the protocol; frames that came packed are unpacked first.

    Args:
        folder: as ``research.pack`` wrote it.
        frames_dir: where the frames or features are instead.
    """
    videos = pd.read_csv(folder / TABLE)
    frames_dir = frames_dir or folder / FRAMES
    if not frames_dir.exists():
        unpack(folder / PACKED, videos, frames_dir)
    form = read_people_form(folder / FORM) if (folder / FORM).exists() else None
    return Folded(videos, frames_dir, form)


def pack(videos: pd.DataFrame, frames_dir: Path, file: Path) -> None:
    """Compress the frames of all videos losslessly; a fixed camera's differ little one by one."""
    with lzma.open(file, "wb", preset=1) as packed:
        for video in videos.itertuples():
            frames = _frames(frames_dir / str(video.frames_file))
            packed.write(np.diff(frames, axis=0, prepend=np.zeros_like(frames[:1])).tobytes())


def unpack(file: Path, videos: pd.DataFrame, frames_dir: Path) -> None:
    """Write the files that ``pack`` read."""
    partial = frames_dir.with_suffix(".tmp")
    partial.mkdir(parents=True, exist_ok=True)
    with lzma.open(file) as packed:
        for video in videos.itertuples():
            shape = (int(str(video.n_frames)), SIZE * 3 // 2, SIZE)
            changes = np.frombuffer(packed.read(int(np.prod(shape))), np.uint8).reshape(shape)
            frames = np.add.accumulate(changes, axis=0, dtype=np.uint8)
            frames.tofile(partial / str(video.frames_file))
    partial.rename(frames_dir)


def _frames(file: Path) -> NDArray[np.uint8]:
    return np.fromfile(file, np.uint8).reshape(-1, SIZE * 3 // 2, SIZE)
