"""What a model's scores are worth: clip-level and video-level figures by scikit-learn.

A figure that is not defined (ROC-AUC of one class, precision where nothing was called
shoplifting) is NaN here and null or a dash where it is shown; it is never a made-up 0 or 1.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics as sk

# A clip is called shoplifting from this score on: the middle of the probability scale, as in the
# paper's Table 2. Alerts have a threshold of their own (alerts in params.yaml).
THRESHOLD = 0.5

# In the order of the paper's Table 2, then what the paper does not state.
METRICS = ("accuracy", "precision", "recall", "f1", "auc", "ap", "mcc", "video_auc")

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


def clip_metrics(predictions: pd.DataFrame) -> dict[str, float]:
    """All of ``METRICS`` for one model on one split.

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


def labels_and_scores(predictions: pd.DataFrame) -> tuple[Labels, Scores]:
    """The two columns as int64 and float64 arrays of shape (N,)."""
    return predictions["label"].to_numpy(np.int64), predictions["score"].to_numpy(np.float64)


def video_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """A row a video, sorted: ``label`` and ``score`` are the highest of its clips.

    A theft is one or two clips of a video: the mean would drown it.
    """
    grouped = predictions.groupby("video", sort=True)
    return grouped.agg(label=("label", "max"), score=("score", "max")).reset_index()


def roc_auc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve; NaN unless both classes are there."""
    if len(np.unique(labels)) < 2:
        return math.nan
    return float(sk.roc_auc_score(labels, scores))


def matthews(labels: Labels, called: NDArray[np.bool_]) -> float:
    """Matthews' correlation; 0 where all are called alike, NaN unless both classes are there."""
    if len(np.unique(labels)) < 2:
        return math.nan
    return float(sk.matthews_corrcoef(labels, called))


def log_loss(labels: Labels, scores: Scores) -> float:
    """Mean negative log-likelihood of a clip, nats; scikit-learn clips scores off 0 and 1."""
    return float(sk.log_loss(labels, scores, labels=[0, 1]))


def confusion(predictions: pd.DataFrame) -> NDArray[np.int64]:
    """Counts of shape (2, 2): row actual, column predicted; 0 normal, 1 shoplifting."""
    labels, scores = labels_and_scores(predictions)
    matrix = sk.confusion_matrix(labels, scores >= THRESHOLD, labels=[0, 1])
    return np.asarray(matrix, dtype=np.int64)


def roc_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """The ROC curve as ``fpr``, ``tpr``; empty unless both classes are there."""
    labels, scores = labels_and_scores(predictions)
    if len(np.unique(labels)) < 2:
        return pd.DataFrame({"fpr": [], "tpr": []}, dtype=np.float64)
    fpr, tpr, _ = sk.roc_curve(labels, scores)
    return pd.DataFrame({"fpr": fpr, "tpr": tpr})


def pr_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """The precision-recall curve as ``recall``, ``precision``; empty where nothing is positive."""
    labels, scores = labels_and_scores(predictions)
    if not labels.any():
        return pd.DataFrame({"recall": [], "precision": []}, dtype=np.float64)
    precision, recall, _ = sk.precision_recall_curve(labels, scores)
    return pd.DataFrame({"recall": recall, "precision": precision})


def det_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """The detection error trade-off as ``fpr``, ``fnr``; empty unless both classes are there."""
    labels, scores = labels_and_scores(predictions)
    if len(np.unique(labels)) < 2:
        return pd.DataFrame({"fpr": [], "fnr": []}, dtype=np.float64)
    fpr, fnr, _ = sk.det_curve(labels, scores)
    return pd.DataFrame({"fpr": fpr, "fnr": fnr})
