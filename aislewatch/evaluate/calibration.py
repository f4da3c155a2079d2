"""Whether a score means what it says: Brier score, calibration error, reliability."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn import metrics as sk

# Bins of equal width for the calibration error and the reliability diagram (Guo et al. 2017 take
# 15; ten leave enough clips in each of a small test split).
BINS = 10

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """``brier``: mean squared error of the score. ``ece``: mean gap between score and share of
    shoplifting over bins of equal width, weighted by clips. NaN without clips."""

    brier: float
    ece: float


@dataclass(frozen=True)
class Reliability:
    """Bins that hold clips: their mean score, share of shoplifting and number of clips, (K,)."""

    score: Array
    share: Array
    clips: NDArray[np.int64]


def measure_calibration(labels: NDArray[np.int64], scores: Array) -> Calibration:
    """Brier score and calibration error of one split's clips."""
    if not len(labels):
        return Calibration(math.nan, math.nan)
    bins = reliability(labels, scores)
    gaps = np.abs(bins.score - bins.share)
    return Calibration(
        float(sk.brier_score_loss(labels, scores)),
        float((gaps * bins.clips).sum() / bins.clips.sum()),
    )


def reliability(labels: NDArray[np.int64], scores: Array) -> Reliability:
    """The points of the reliability diagram."""
    bin_N = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bin_N, minlength=BINS)
    held = counts > 0
    with np.errstate(invalid="ignore"):
        score = np.bincount(bin_N, weights=scores, minlength=BINS) / counts
        share = np.bincount(bin_N, weights=labels.astype(np.float64), minlength=BINS) / counts
    return Reliability(score[held], share[held], counts[held])


def uncalibrated(scores: Array, temperature: float) -> Array:
    """The scores as they were before division by the temperature; those at 0 and 1 stay there."""
    raw: Array = expit(logit(scores) * temperature)
    return raw
