"""Decode the benchmark's footage into a folder that travels to a GPU.

python -m research.pack CORPUS FOLDER
"""

import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from aislewatch.config.params import load_params
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.folder import ingest
from aislewatch.synth.shop import render_shop
from research.footage import FPS, SIZE, Footage, pack

# Of the synthetic shop: 240 videos, half of them thefts, are 16 MB packed.
SHOP_VIDEOS, SHOP_SEED = 240, 7


def decoded(raw: Path, source: str) -> Footage:
    """All videos of a source as the product's ingest decodes them."""
    limits = load_params(Path(__file__).parents[1] / "params.yaml").ingest
    with tempfile.TemporaryDirectory() as folder:
        store = FrameStore(Path(folder), FPS, SIZE)
        found = ingest(raw, [source], store, limits, lambda done, total: None)
        shape = (-1, SIZE * 3 // 2, SIZE)
        files = [store.folder / video.stored.frames_file for video in found.accepted]
        frames = [np.fromfile(file, np.uint8).reshape(shape) for file in files]
    names = [str(video.candidate.path.relative_to(raw)) for video in found.accepted]
    return Footage(names, np.array([len(video) for video in frames]), np.concatenate(frames))


def rendered_shop(videos: int, seed: int) -> tuple[Footage, dict[str, tuple[float, float]]]:
    """The synthetic shop, decoded, and the seconds of each theft by video."""
    with tempfile.TemporaryDirectory() as raw:
        render_shop(Path(raw) / "synthetic", videos, seed, lambda done, total: None)
        shop = decoded(Path(raw), "synthetic")
        with (Path(raw) / "synthetic" / "events.csv").open() as file:
            events = {
                f"synthetic/{row['video']}": (float(row["start_s"]), float(row["end_s"]))
                for row in csv.DictReader(file)
            }
    return shop, events


def main(corpus: Path, folder: Path) -> None:
    """Write mnnit, cctv and shop, each .npz and .xz, and the shop's events."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in ("mnnit", "cctv"):
        pack(decoded(corpus, source), folder / source)
    shop, events = rendered_shop(SHOP_VIDEOS, SHOP_SEED)
    pack(shop, folder / "shop")
    (folder / "shop_events.json").write_text(json.dumps(events))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
