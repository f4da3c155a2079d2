"""Whether one model is better than another on the same videos: permutation tests, by video.

If two models are equally good, it is a coin's toss which of them produced which of a video's two
results. McNemar's test on clips rejects 46 % of true nulls where clips of a video resemble each
other; these reject as many as they claim (tests/register/test_promotion.py).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.intervals import SEED

Array = NDArray[np.float64]


def p_greater(ours_V: Array, theirs_V: Array, settings: Evaluate) -> float:
    """One-sided p of the sign-flip test on the mean of the differences by video.

    Args:
        ours_V: a figure of each video under our model; higher is better.
        theirs_V: the same under the other.
        settings: ``resamples``, of the permutations; few videos are permuted exactly.

    Returns:
        1 where the two never differ.
    """

    def mean_difference(ours: Array, theirs: Array, axis: int) -> Array:
        difference: Array = (ours - theirs).mean(axis=axis)
        return difference

    return _permuted(ours_V, theirs_V, mean_difference, settings)


def p_auc_greater(
    labels_V: NDArray[np.int64], ours_V: Array, theirs_V: Array, settings: Evaluate
) -> float:
    """One-sided p that our scores rank videos better; NaN where one class is missing.

    The scores of a model are replaced by their ranks first: what the permutation exchanges must be
    on one scale.

    Args:
        labels_V: 0 or 1.
        ours_V: a score of each video by our model.
        theirs_V: a score of each by the other.
        settings: ``resamples``.
    """
    positive_V = labels_V == 1
    n_positive = int(positive_V.sum())
    pairs = n_positive * (len(labels_V) - n_positive)
    if pairs == 0:
        return math.nan

    def auc_difference(ours: Array, theirs: Array, axis: int) -> Array:
        gain: Array = stats.rankdata(ours, axis=axis) - stats.rankdata(theirs, axis=axis)
        chosen: Array = gain[..., positive_V].sum(axis=axis) / pairs
        return chosen

    ranks = (stats.rankdata(ours_V), stats.rankdata(theirs_V))
    return _permuted(*ranks, auc_difference, settings)


def _permuted(ours_V: Array, theirs_V: Array, statistic: object, settings: Evaluate) -> float:
    found = stats.permutation_test(
        (ours_V, theirs_V),
        statistic,
        permutation_type="samples",
        vectorized=True,
        alternative="greater",
        n_resamples=settings.resamples,
        rng=np.random.default_rng(SEED),
    )
    return float(found.pvalue)
