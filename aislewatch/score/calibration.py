"""Compares scores with outcomes: bins of equal score, and scores before calibration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

# Bins of equal width for the calibration error and the reliability diagram (Guo et al. 2017 take
# 15; ten leave enough clips in each of a small test split).
BINS = 10

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Bins that hold clips: their mean score, share of shoplifting and number of clips, (K,)."""

    score: Array
    share: Array
    clips: NDArray[np.int64]


def reliability(labels: NDArray[np.int64], scores: Array) -> Reliability:
    """Bin clips by their score; return the points of the reliability diagram."""
    bin_N = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bin_N, minlength=BINS)
    held = counts > 0
    with np.errstate(invalid="ignore"):
        score = np.bincount(bin_N, weights=scores, minlength=BINS) / counts
        share = np.bincount(bin_N, weights=labels.astype(np.float64), minlength=BINS) / counts
    return Reliability(score[held], share[held], counts[held])


def uncalibrated(scores: Array, temperature: float) -> Array:
    """Undo the division by the temperature; scores of 0 and 1 stay there."""
    raw: Array = expit(logit(scores) * temperature)
    return raw
