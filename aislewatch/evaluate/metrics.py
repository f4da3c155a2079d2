"""Computes clip-level and video-level figures of a model's scores by scikit-learn.

A figure that is not defined (ROC-AUC of one class, precision where nothing was called
shoplifting) is NaN here and null or a dash where it is shown; it is never a made-up 0 or 1.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics as sk

from aislewatch.score.predictions import THRESHOLD, Labels, Scores, labels_and_scores

# In the order of the paper's Table 2, then what the paper does not state.
METRICS = ("accuracy", "precision", "recall", "f1", "auc", "ap", "mcc", "video_auc")


def clip_metrics(predictions: pd.DataFrame) -> dict[str, float]:
    """Compute all of ``METRICS`` for one model on one split.

    Args:
        predictions: a row a clip with ``video``, ``label`` (0 normal, 1 shoplifting), ``score``.

    Returns:
        Shares from 0 to 1 (MCC from -1 to 1), keyed as in ``METRICS``; NaN where undefined.
    """
    labels, scores = labels_and_scores(predictions)
    called = scores >= THRESHOLD
    videos = video_scores(predictions)
    return {
        "accuracy": float(sk.accuracy_score(labels, called)),
        "precision": float(sk.precision_score(labels, called, zero_division=math.nan)),
        "recall": float(sk.recall_score(labels, called, zero_division=math.nan)),
        "f1": float(sk.f1_score(labels, called, zero_division=math.nan)),
        "auc": roc_auc(labels, scores),
        "ap": float(sk.average_precision_score(labels, scores)) if labels.any() else math.nan,
        "mcc": matthews(labels, called),
        "video_auc": roc_auc(*labels_and_scores(videos)),
    }


def video_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return a row per video, sorted: ``label`` and ``score`` are the highest of its clips.

    A theft is one or two clips of a video: the mean would drown it.
    """
    grouped = predictions.groupby("video", sort=True)
    return grouped.agg(label=("label", "max"), score=("score", "max")).reset_index()


def roc_auc(labels: Labels, scores: Scores) -> float:
    """Compute the area under the ROC curve; NaN unless both classes are there."""
    if len(np.unique(labels)) < 2:
        return math.nan
    return float(sk.roc_auc_score(labels, scores))


def matthews(labels: Labels, called: NDArray[np.bool_]) -> float:
    """Compute Matthews' correlation; 0 if all get one class, NaN unless both classes are there."""
    if len(np.unique(labels)) < 2:
        return math.nan
    return float(sk.matthews_corrcoef(labels, called))


def log_loss(labels: Labels, scores: Scores) -> float:
    """Average the negative log-likelihood over clips, in nats; scores 0 and 1 are clipped."""
    return float(sk.log_loss(labels, scores, labels=[0, 1]))
