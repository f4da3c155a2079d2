"""The accuracy protocol in small: synthetic videos, few epochs, one seed, any CPU."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from research.footage import FPS, Folded
from research.pack import rendered_shop
from research.plan import NETWORKS
from research.recipe import Recipe
from research.trainings import Job, Machine, Shelf, run

VIDEOS = 60
FOLDS = 3
# Frames around the middle of a theft that are shown of its video.
AROUND = 30
SMALL = Recipe(
    size=32,
    frames=16,
    step=1,
    encoder=(8, 16),
    hidden=16,
    norm="none",
    epochs=30,
    batch=16,
    lr=3e-3,
    average=0.0,  # so few steps that an average would lag behind
)


def main(
    videos: int = VIDEOS, recipe: Recipe = SMALL, networks: Sequence[str] = NETWORKS
) -> dict[str, float]:
    """Print a line a network; return the AUC by network."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        data = shop(videos, Path(folder))
        shelf = Shelf(Path(folder) / "results")
        fold, label = data.column("fold"), data.column("label")
        for network in networks:
            jobs = [
                Job(
                    f"{network}|{outer}",
                    recipe.but(network=network),
                    np.flatnonzero(fold != outer),
                    np.flatnonzero(fold == outer),
                    seed=0,
                )
                for outer in range(FOLDS)
            ]
            run(jobs, data, shelf, Machine("cpu", 1, "float32"), time.monotonic() + 1e9)
            logits = np.zeros(len(fold))
            for job in jobs:
                logits[job.test] = shelf.logits(job.name)
            found[network] = float(roc_auc_score(label, logits))
            accuracy = float(((logits > 0) == (label > 0)).mean())
            print(f"{network:10s} accuracy {accuracy:.3f}  AUC {found[network]:.3f}", flush=True)
    return found


def shop(videos: int, folder: Path) -> Folded:
    """Render the shop: 3 s around a theft, or from the middle of a video without one."""
    table, events = rendered_shop(videos, 0, folder / "frames")
    # The take's number ends a name, copies and parts included: it is the recording.
    takes = [Path(path).stem.split("-")[-1].split("_")[0] for path in table["path"]]
    middle = [
        FPS * sum(events[path]) / 2 if path in events else length / 2
        for path, length in zip(table["path"], table["n_frames"], strict=True)
    ]
    last = (table["n_frames"] - AROUND).clip(lower=0)
    first = (pd.Series(middle) - AROUND / 2).round().clip(lower=0).clip(upper=last).astype(int)
    shown = table.assign(
        label=[int(path in events) for path in table["path"]],
        recording=takes,
        contradicted=0,
        first=first,
        n_frames=table["n_frames"].clip(upper=AROUND),
    )
    folds = StratifiedGroupKFold(FOLDS).split(shown, shown["label"], shown["recording"])
    fold = np.zeros(len(shown), np.int64)
    for number, (_, rows) in enumerate(folds):
        fold[rows] = number
    return Folded(shown.assign(fold=fold), folder / "frames")
