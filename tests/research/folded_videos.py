"""Made-up videos in folds, as the accuracy protocol reads them."""

from pathlib import Path

import numpy as np
import pandas as pd

from research.footage import (
    Folded,
)
from research.recipe import Recipe
from research.select import FOLDS
from research.trainings import Machine

ROOT = Path(__file__).parents[2]


TINY = Recipe(
    size=16, frames=3, step=1, encoder=(4,), hidden=4, norm="none", epochs=2, batch=4, dropout=0.0
)


CPU = Machine("cpu", 1, "float32")


def some_videos(count: int, random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"mnnit/{n}.mp4" for n in range(count)],
            "label": np.arange(count) % 2,
            "recording": [str(n) for n in range(count)],
            "fold": np.arange(count) // 2 % FOLDS,
            "contradicted": (random.random(count) < 0.1).astype(int),
            "frames_file": [f"{n}.yuv" for n in range(count)],
            "first": 0,
            "n_frames": 5,
        }
    )


def some_data(random: np.random.Generator) -> Folded:
    return Folded(some_videos(50, random), Path("nowhere"))
