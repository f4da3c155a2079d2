"""Writes figures, intervals and settings for people, on cards and in the report."""

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from aislewatch.pages import templates

INPUTS: Mapping[str, str] = {"rgb": "RGB", "diff": "frame differences"}

COLUMNS: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "auc": "ROC-AUC",
}


def environment(package: str) -> jinja2.Environment:
    """Open the templates of a package, with our filters for figures and intervals."""
    made = templates(package)
    made.filters |= {"figure": _figure, "spread": _spread}
    return made


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _spread(values: Sequence[Any], digits: int = 3) -> str:
    low, high = values
    return "no interval" if low is None else f"{low:.{digits}f} to {high:.{digits}f}"
