"""Tests whether one model is better than another on the same videos: permutations by group.

If two models are equally good, it is a coin's toss which of them produced which of a group's two
sets of results. Files of one recording share their luck, so the coin is tossed for a group of
recordings, not for a file. McNemar's test on clips rejects 46 % of true nulls where clips of a
video resemble each other; these reject as many as they claim (tests/register/test_promotion.py).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.intervals import SEED

Array = NDArray[np.float64]

# Differences of two figures below this are rounding.
ROUNDING = 1e-12

# Figures of permutations that are held at once: 32 MB each of a few tables, where all permutations
# of a hundred thousand clips would be 1.6 GB.
AT_ONCE = 4_000_000


def p_greater(ours_V: Array, theirs_V: Array, groups: Sequence[str], settings: Evaluate) -> float:
    """Test whether our figures are higher on average: one-sided p of the sign-flip test by group.

    Args:
        ours_V: a figure of each video under our model; higher is better.
        theirs_V: the same under the other.
        groups: of each video.
        settings: ``resamples``, of the permutations; few groups are permuted exactly.

    Returns:
        1 where the two never differ.
    """

    def mean_difference(kept_BV: NDArray[np.bool_]) -> Array:
        sign_BV = np.where(kept_BV, 1.0, -1.0)
        difference: Array = (sign_BV * (ours_V - theirs_V)).mean(axis=1)
        return difference

    return _permuted(mean_difference, groups, settings)


def p_auc_greater(
    labels_V: NDArray[np.int64],
    ours_V: Array,
    theirs_V: Array,
    groups: Sequence[str],
    settings: Evaluate,
) -> float:
    """Test whether our scores rank better: one-sided p; NaN where one class is missing.

    Of videos or of clips; V stands for either.

    The scores of a model are replaced by their ranks first: what the permutation exchanges must be
    on one scale.

    Args:
        labels_V: 0 or 1.
        ours_V: a score of each by our model.
        theirs_V: a score of each by the other.
        groups: of each.
        settings: ``resamples``.
    """
    positive_V = labels_V == 1
    n_positive = int(positive_V.sum())
    pairs = n_positive * (len(labels_V) - n_positive)
    if pairs == 0:
        return math.nan
    ranks_V, other_V = stats.rankdata(ours_V), stats.rankdata(theirs_V)

    def auc_difference(kept_BV: NDArray[np.bool_]) -> Array:
        first_BV = np.where(kept_BV, ranks_V, other_V)
        second_BV = np.where(kept_BV, other_V, ranks_V)
        gain_BV = stats.rankdata(first_BV, axis=1) - stats.rankdata(second_BV, axis=1)
        difference: Array = gain_BV[:, positive_V].sum(axis=1) / pairs
        return difference

    return _permuted(auc_difference, groups, settings)


def _permuted(
    difference: Callable[[NDArray[np.bool_]], Array], groups: Sequence[str], settings: Evaluate
) -> float:
    """Compare the difference as it is with those under exchanges of whole groups.

    Args:
        difference: of each row of a table (B, V) that says whose result a video keeps.
        groups: of each video.
        settings: ``resamples``.
    """
    names, group_V = np.unique(np.array(groups), return_inverse=True)
    n_groups = len(names)
    exact = 2**n_groups <= settings.resamples
    if exact:
        kept_BG = (np.arange(2**n_groups)[:, None] >> np.arange(n_groups)) & 1 == 0
    else:
        generator = np.random.default_rng(SEED)
        kept_BG = generator.integers(2, size=(settings.resamples, n_groups)) == 0
    observed = difference(np.ones((1, len(groups)), dtype=bool))[0]
    parts = np.array_split(kept_BG, math.ceil(kept_BG.shape[0] * len(groups) / AT_ONCE))
    under = np.concatenate([difference(part_BG[:, group_V]) for part_BG in parts])
    as_extreme = int((under >= observed - ROUNDING).sum())
    # The exact table holds the difference as it is; a drawn one counts it once more (Phipson and
    # Smyth 2010).
    return as_extreme / len(kept_BG) if exact else (as_extreme + 1) / (len(kept_BG) + 1)
