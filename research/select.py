"""Nested selection: what each outer fold may know, and what it chooses from that."""

from collections.abc import Mapping
from itertools import combinations as pairs_of
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from research.footage import Folded

FOLDS = 5
AVERAGED = 1  # of the two weights of a result
PAIRS = list(pairs_of(range(FOLDS), 2))


def job_name(network: str, recipe: str, held_out: tuple[int, ...], seed: int) -> str:
    """A training's name: without these folds, from this seed."""
    return f"{network}|{recipe}|{''.join(map(str, held_out))}|{seed}"


def clip_logits(logits: NDArray[Any]) -> NDArray[np.float64]:
    """One logit a clip: averaged weights, both mirrorings, all windows."""
    return logits[AVERAGED].astype(np.float64).mean(axis=(0, 2))


def inner_score(
    outer: int, network: str, recipe: str, seed: int, shelf: Mapping[str, Any], data: Folded
) -> float:
    """Mean AUC over the other folds, each scored by the network trained without it and ``outer``.

    A training without folds i and j serves outer fold i by its scores of j, and j by those of i.
    """
    aucs = []
    for other in set(range(FOLDS)) - {outer}:
        pair = (min(outer, other), max(outer, other))
        rows = np.flatnonzero(np.isin(data.fold, pair))
        scores = clip_logits(shelf[job_name(network, recipe, pair, seed)])
        use = (data.fold[rows] == other) & ~data.contradicted[rows]
        aucs.append(float(roc_auc_score(data.clips.label[rows][use], scores[use])))
    return float(np.mean(aucs))
