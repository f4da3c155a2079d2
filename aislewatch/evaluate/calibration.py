"""Measures how well scores serve as probabilities: Brier score and calibration error."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as sk

from aislewatch.score.calibration import Array, reliability
from aislewatch.score.predictions import Labels


@dataclass(frozen=True)
class Calibration:
    """``brier``: mean squared error of the score. ``ece``: mean gap between score and share of
    shoplifting over bins of equal width, weighted by clips. NaN without clips."""

    brier: float
    ece: float


def measure_calibration(labels: Labels, scores: Array) -> Calibration:
    """Measure the Brier score and calibration error of one split's clips."""
    if not len(labels):
        return Calibration(math.nan, math.nan)
    bins = reliability(labels, scores)
    gaps = np.abs(bins.score - bins.share)
    return Calibration(
        float(sk.brier_score_loss(labels, scores)),
        float((gaps * bins.clips).sum() / bins.clips.sum()),
    )
