"""Makes the tables behind `dvc plots`: a column a model, because DVC draws a line a column."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from aislewatch.report.points import CLASSES, pr_points, roc_points
from aislewatch.score.predictions import THRESHOLD

# Points of a curve: steps of half a per cent, finer than a plot's pixels.
GRID = np.arange(201) / 200


def roc_table(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return ``fpr`` on a grid, and by model the highest true positive rate reached up to it."""
    columns = {"fpr": GRID}
    for name, clips in predictions.items():
        points = roc_points(clips)
        columns[name] = np.array([points.loc[points["fpr"] <= x, "tpr"].max() for x in GRID])
    return pd.DataFrame(columns)


def pr_table(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return ``recall`` on a grid, and by model the highest precision from there on."""
    columns = {"recall": GRID}
    for name, clips in predictions.items():
        points = pr_points(clips)
        columns[name] = np.array(
            [points.loc[points["recall"] >= x, "precision"].max() for x in GRID]
        )
    return pd.DataFrame(columns)


def confusion_table(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a test clip: its ``actual`` class, and by model the predicted one."""
    first = next(iter(predictions.values()))
    names = np.array(CLASSES)
    columns = {"actual": names[first["label"].to_numpy(np.int64)]}
    for name, clips in predictions.items():
        columns[name] = names[(clips["score"] >= THRESHOLD).to_numpy().astype(np.int64)]
    return pd.DataFrame(columns)
