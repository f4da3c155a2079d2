"""Decode the protocol's footage into a folder that travels to a GPU.

python -m research.pack CORPUS FOLDER

FOLDER then has videos.csv (a row a video: where its frames are, its label, recording and fold),
frames (a file a video) and frames.xz (the same packed: it and videos.csv are all that must travel).
"""

import csv
import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from aislewatch.config.params import load_params
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.folder import ingest
from aislewatch.labels.folder import EVENTS_FILE
from aislewatch.synth.shop import render_shop
from research.footage import FOLDS_FILE, FPS, FRAMES, PACKED, SIZE, TABLE, pack


def decoded(raw: Path, source: str, frames_dir: Path) -> pd.DataFrame:
    """Decode all videos of a source as the product's ingest does, a file a video.

    Returns:
        path below ``raw``, frames_file, first (0) and n_frames of each.
    """
    limits = load_params(Path(__file__).parents[1] / "params.yaml").ingest
    frames_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = FrameStore(Path(folder), FPS, SIZE)
        found = ingest(raw, [source], store, limits, lambda done, total: None)
        rows = []
        for video in found.accepted:
            file = video.stored.frames_file
            shutil.copyfile(store.folder / file, frames_dir / file)
            path = str(video.candidate.path.relative_to(raw))
            rows.append((path, file, 0, video.stored.n_frames))
    return pd.DataFrame(rows, columns=["path", "frames_file", "first", "n_frames"])


def rendered_shop(
    videos: int, seed: int, frames_dir: Path
) -> tuple[pd.DataFrame, dict[str, tuple[float, float]]]:
    """Render and decode the synthetic shop; return its videos, and seconds of a theft by path."""
    with tempfile.TemporaryDirectory() as raw:
        render_shop(Path(raw) / "synthetic", videos, seed, lambda done, total: None)
        shop = decoded(Path(raw), "synthetic", frames_dir)
        with (Path(raw) / "synthetic" / EVENTS_FILE).open() as file:
            events = {
                f"synthetic/{row['video']}": (float(row["start_s"]), float(row["end_s"]))
                for row in csv.DictReader(file)
            }
    return shop, events


def with_folds(videos: pd.DataFrame, folds_file: Path = FOLDS_FILE) -> pd.DataFrame:
    """Add label, recording, fold and contradicted as committed."""
    folds = pd.read_csv(folds_file)
    folds["label"] = (folds["label"] == "shoplifting").astype(int)
    return videos.merge(folds, on="path", how="inner", validate="one_to_one")


def main(corpus: Path, folder: Path) -> None:
    """Write videos.csv, the frames, and the frames packed."""
    videos = with_folds(decoded(corpus, "mnnit", folder / FRAMES))
    pack(videos, folder / FRAMES, folder / PACKED)
    videos.to_csv(folder / TABLE, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
