"""Chooses the model to register, on validation: the test split has no part in it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from aislewatch.errors import ModelError
from aislewatch.evaluate.metrics import log_loss, roc_auc
from aislewatch.score.predictions import labels_and_scores


@dataclass(frozen=True)
class Validation:
    """One model on the validation split; ``auc`` is NaN where it holds one class only."""

    auc: float
    log_loss: float


def measure(predictions: pd.DataFrame) -> Validation:
    """Measure a model by its scores of the validation clips (``label``, ``score``)."""
    labels, scores = labels_and_scores(predictions)
    return Validation(roc_auc(labels, scores), log_loss(labels, scores))


def choose(candidates: Mapping[str, Validation]) -> str:
    """Name the model to register: the one with the highest ROC-AUC on validation clips.

    Equal AUCs, or none where validation holds one class only, are decided by the lower log
    loss, then by name. The report says so to its reader.

    Raises:
        ModelError: there is no candidate.
    """
    if not candidates:
        raise ModelError("no trained model to choose from under models/; run the train stage")

    def rank(name: str) -> tuple[float, float, str]:
        found = candidates[name]
        auc = 0.0 if math.isnan(found.auc) else found.auc
        return (-auc, found.log_loss, name)

    return min(candidates, key=rank)
