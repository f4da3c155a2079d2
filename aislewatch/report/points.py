"""Computes the points of curves and confusion matrix of scored clips, by scikit-learn."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics as sk

from aislewatch.score.predictions import THRESHOLD, labels_and_scores

CLASSES = ("normal", "shoplifting")


def confusion(predictions: pd.DataFrame) -> NDArray[np.int64]:
    """Count clips, shape (2, 2): row actual, column predicted; 0 normal, 1 shoplifting."""
    labels, scores = labels_and_scores(predictions)
    matrix = sk.confusion_matrix(labels, scores >= THRESHOLD, labels=[0, 1])
    return np.asarray(matrix, dtype=np.int64)


def roc_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the ROC curve as ``fpr``, ``tpr``; empty unless both classes are there."""
    labels, scores = labels_and_scores(predictions)
    if len(np.unique(labels)) < 2:
        return pd.DataFrame({"fpr": [], "tpr": []}, dtype=np.float64)
    fpr, tpr, _ = sk.roc_curve(labels, scores)
    return pd.DataFrame({"fpr": fpr, "tpr": tpr})


def pr_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the precision-recall curve as ``recall``, ``precision``; empty without positives."""
    labels, scores = labels_and_scores(predictions)
    if not labels.any():
        return pd.DataFrame({"recall": [], "precision": []}, dtype=np.float64)
    precision, recall, _ = sk.precision_recall_curve(labels, scores)
    return pd.DataFrame({"recall": recall, "precision": precision})


def det_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the DET curve as ``fpr``, ``fnr``; empty unless both classes are there."""
    labels, scores = labels_and_scores(predictions)
    if len(np.unique(labels)) < 2:
        return pd.DataFrame({"fpr": [], "fnr": []}, dtype=np.float64)
    fpr, fnr, _ = sk.det_curve(labels, scores)
    return pd.DataFrame({"fpr": fpr, "fnr": fnr})
