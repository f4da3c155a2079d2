"""Nested selection: what each outer fold may know, and what it chooses from that."""

from itertools import combinations as pairs_of

import numpy as np
from sklearn.metrics import roc_auc_score

from research.footage import Folded
from research.trainings import Shelf

FOLDS = 5
PAIRS = list(pairs_of(range(FOLDS), 2))


def job_name(network: str, recipe: str, held_out: tuple[int, ...], seed: int) -> str:
    """Name a training: without these folds, from this seed."""
    return f"{network}|{recipe}|{''.join(map(str, held_out))}|{seed}"


def inner_score(
    outer: int, network: str, recipe: str, seed: int, shelf: Shelf, data: Folded
) -> float:
    """Mean AUC over the other folds, each scored by the network trained without it and ``outer``.

    A training without folds i and j serves outer fold i by its scores of j, and j by those of i.
    """
    fold, label = data.column("fold"), data.column("label")
    sound = ~data.videos["contradicted"].to_numpy(bool)
    aucs = []
    for other in set(range(FOLDS)) - {outer}:
        pair = (min(outer, other), max(outer, other))
        rows = np.flatnonzero(np.isin(fold, pair))
        scores = shelf.logits(job_name(network, recipe, pair, seed))
        if scores is None:
            raise SystemExit(f"{job_name(network, recipe, pair, seed)!r} was not trained yet")
        use = (fold[rows] == other) & sound[rows]
        aucs.append(float(roc_auc_score(label[rows][use], scores[use])))
    return float(np.mean(aucs))
