"""How sure a figure is: percentile intervals by resampling whole videos.

Clips of one video share a scene, a person and half their frames. Simulated with an intraclass
correlation of 0.5 and 6 clips a video, an AUC's "95 %" interval from resampled clips holds the
truth 70 % of the time, from resampled videos 91 % (30 videos), 92 % (40) and 93 % (100). So videos
are drawn with replacement, each with all its clips. scipy draws; the figures of all resamples are
computed at once from each clip's weight (how often its video was drawn), because scikit-learn,
resample by resample, would take minutes. The tests hold these formulas against scikit-learn's.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from aislewatch.config import Evaluate
from aislewatch.evaluation.metrics import METRICS, THRESHOLD, labels_and_scores, video_scores

# Below this many test videos a percentile interval is too narrow to be believed as it stands: see
# the simulation above.
ENOUGH_VIDEOS = 30

# Weights held at once, resamples x clips: 4 million float64 are 32 MB, and about five such arrays
# live together.
WEIGHTS_AT_ONCE = 4_000_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with its interval; ``low`` and ``high`` are NaN where none can be given.

    ``undefined`` is the share of resamples without the figure (one class only, for example);
    the interval is over the others.
    """

    value: float
    low: float
    high: float
    undefined: float


def resampled_metrics(predictions: pd.DataFrame, settings: Evaluate) -> dict[str, Array]:
    """Every metric over resamples of the videos.

    Two models' predictions on the same videos get the same resamples, so that the difference of
    two results is paired.

    Args:
        predictions: ``video``, ``label``, ``score``; a row a clip.
        settings: ``resamples`` and ``seed``.

    Returns:
        By metric, shape (resamples,); NaN where a resample does not define it, everywhere when
        there are fewer than two videos.
    """
    videos = video_scores(predictions)
    if len(videos) < 2:
        return {name: np.full(settings.resamples, math.nan) for name in METRICS}
    clips_N = np.searchsorted(videos["video"].to_numpy(), predictions["video"].to_numpy())

    def statistic(drawn_BV: Array, axis: int) -> Array:
        counts_BV = _counts(drawn_BV.astype(np.int64), len(videos))
        return weighted_metrics(predictions, counts_BV[:, clips_N], videos, counts_BV)

    with warnings.catch_warnings():
        # scipy warns when its own interval would be NaN; ours treats undefined resamples itself.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (np.arange(len(videos)),),
            statistic,
            vectorized=True,
            n_resamples=settings.resamples,
            batch=max(1, WEIGHTS_AT_ONCE // len(predictions)),
            method="percentile",
            rng=np.random.default_rng(settings.seed),
        )
    return dict(zip(METRICS, np.asarray(result.bootstrap_distribution), strict=True))


def interval(value: float, draws: Array, confidence: float) -> Interval:
    """Percentile interval over the resamples that define the figure.

    None is given (NaN) when the figure itself is undefined, or when more than ``1 - confidence``
    of the resamples are: then not even the claimed share of them speaks.
    """
    defined = draws[~np.isnan(draws)]
    undefined = 1.0 - len(defined) / len(draws)
    if math.isnan(value) or undefined > 1.0 - confidence:
        return Interval(value, math.nan, math.nan, undefined)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high), undefined)


def _counts(drawn_BV: NDArray[np.int64], n_videos: int) -> Array:
    """How often each video was drawn: (resamples, videos)."""
    offsets = np.arange(len(drawn_BV))[:, None] * n_videos
    flat = np.bincount((drawn_BV + offsets).ravel(), minlength=len(drawn_BV) * n_videos)
    return flat.reshape(len(drawn_BV), n_videos).astype(np.float64)


def weighted_metrics(
    predictions: pd.DataFrame, weights_BN: Array, videos: pd.DataFrame, counts_BV: Array
) -> Array:
    """``METRICS`` of every resample: (metrics, resamples)."""
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
    """Weighted ROC-AUC (ties count half) and average precision: (resamples,) each."""
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
