"""The accuracy benchmark in small: synthetic videos, few epochs, one seed, any CPU."""

from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from research import footage, pack
from research.engine import Job
from research.plan import NETWORKS
from research.recipe import Recipe
from research.select import clip_logits
from research.side_by_side import run

VIDEOS = 60
FOLDS = 3
SMALL = Recipe(
    size=32,
    frames=16,
    step=1,
    encoder=(8, 16),
    hidden=16,
    norm=False,
    epochs=30,
    batch=16,
    lr=3e-3,
    ema=0.0,  # so few steps that an average would remember the start
)


def main(videos: int = VIDEOS, recipe: Recipe = SMALL) -> dict[str, float]:
    """Print a line a network; AUC by network."""
    shop, events = pack.rendered_shop(videos, seed=0)
    clips = footage.shop(shop, events, 0)
    # The take's number ends a name, copies and parts included: it is the recording.
    takes = [Path(name).stem.split("-")[-1].split("_")[0] for name in shop.names]
    fold = np.array([int(take) for take in takes]) // 2 % FOLDS
    frames = torch.from_numpy(shop.frames)
    found = {}
    for network in NETWORKS:
        logits = np.zeros(len(fold))
        jobs = [
            Job(
                f"{network}|{outer}",
                recipe.but(network=network),
                clips.of(np.flatnonzero(fold != outer)),
                clips.of(np.flatnonzero(fold == outer)),
                seed=0,
            )
            for outer in range(FOLDS)
        ]
        for outer, result in enumerate(run(jobs, frames, 1, fused=False)):
            logits[fold == outer] = clip_logits(result.logits)
        found[network] = float(roc_auc_score(clips.label, logits))
        accuracy = float(((logits > 0) == (clips.label > 0.5)).mean())
        print(f"{network:10s} accuracy {accuracy:.3f}  AUC {found[network]:.3f}", flush=True)
    return found
