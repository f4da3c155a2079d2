"""Computes all metrics of many resamples at once, from how often each clip was drawn.

scikit-learn, resample by resample, would take minutes. The tests hold these formulas against it.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislewatch.score.predictions import THRESHOLD, labels_and_scores

Array = NDArray[np.float64]


def weighted_metrics(
    predictions: pd.DataFrame, weights_BN: Array, videos: pd.DataFrame, counts_BV: Array
) -> Array:
    """Compute ``METRICS`` of every resample: (metrics, resamples), NaN where undefined.

    Args:
        predictions: ``video``, ``label``, ``score``; a row a clip (N).
        weights_BN: of the clips in each resample (B).
        videos: ``metrics.video_scores`` of the predictions (V rows).
        counts_BV: how often each video was drawn in each resample.
    """
    labels, scores = labels_and_scores(predictions)
    called, actual = scores >= THRESHOLD, labels == 1
    outcomes_N4 = np.stack([called & actual, called & ~actual, ~called & actual, ~called & ~actual])
    tp, fp, fn, tn = (weights_BN @ outcomes_N4.T.astype(np.float64)).T
    auc, ap = _ranking(weights_BN, labels, scores)
    video_auc, _ = _ranking(counts_BV, *labels_and_scores(videos))
    both_classes = (tp + fn) * (tn + fp) > 0.0
    margins = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack(
            [
                (tp + tn) / (tp + fp + fn + tn),
                tp / (tp + fp),
                tp / (tp + fn),
                2.0 * tp / (2.0 * tp + fp + fn),
                auc,
                ap,
                np.where(
                    margins > 0.0,
                    (tp * tn - fp * fn) / margins,
                    np.where(both_classes, 0.0, math.nan),
                ),
                video_auc,
            ]
        )


def _ranking(weights_BN: Array, labels: NDArray[np.int64], scores: Array) -> tuple[Array, Array]:
    """Compute weighted ROC-AUC (ties count half) and average precision: (resamples,) each."""
    order = np.argsort(-scores, kind="stable")
    firsts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0.0])
    weights_BN, positive = weights_BN[:, order], labels[order] == 1
    pos_BG = np.add.reduceat(weights_BN * positive, firsts, axis=1)
    neg_BG = np.add.reduceat(weights_BN * ~positive, firsts, axis=1)
    tp_BG, fp_BG = np.cumsum(pos_BG, axis=1), np.cumsum(neg_BG, axis=1)
    n_pos, n_neg = tp_BG[:, -1], fp_BG[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        beaten_BG = n_neg[:, None] - fp_BG + 0.5 * neg_BG
        auc = (pos_BG * beaten_BG).sum(axis=1) / (n_pos * n_neg)
        # No weight at all down to a score: nothing called yet, so nothing gained either.
        precision_BG = tp_BG / np.maximum(tp_BG + fp_BG, 1.0)
        ap = (pos_BG * precision_BG).sum(axis=1) / n_pos
    return auc, ap
