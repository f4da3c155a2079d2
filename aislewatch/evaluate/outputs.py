"""Writes what an evaluation leaves on disk, each file whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aislewatch.evaluate.summary import Evaluation, as_json
from aislewatch.files import write_csv, write_json
from aislewatch.models.rows import Figures, in_order
from aislewatch.score.scored import Scored
from aislewatch.tables import places
from aislewatch.tables.evaluate import PREDICTIONS

# Of a CSV: nine digits are more than the float32 logits behind the scores hold.
FLOAT_FORMAT = "%.9g"

# Columns of the table of models: those that the paper prints, and one that it does not.
PRINTED = Figures._fields
COLUMNS = (*PRINTED, "auc")


def write_outputs(evaluation: Evaluation, scored: Sequence[Scored]) -> list[Path]:
    """Write the tables, then what later stages read; return what was written."""
    summary = as_json(evaluation)
    PREDICTIONS.write(predictions_table(scored), FLOAT_FORMAT)
    write_csv(places.MODEL_TABLE, table_frame(summary), FLOAT_FORMAT)
    write_json(places.EVALUATION, summary)
    chosen = evaluation.chosen()
    write_json(places.SELECTED, {"model": chosen.name, "operating": chosen.operating.as_json()})
    return [places.MODEL_TABLE, PREDICTIONS.path, places.EVALUATION, places.SELECTED]


def table_frame(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row a model, as in the paper: figures, intervals, the paper's; shares 0 to 1."""
    rows = []
    for row, model in in_order(summary["models"]):
        found: dict[str, Any] = {"model": row.name, "name": row.title}
        for metric in COLUMNS:
            found[metric] = model["test"][metric]
            found[f"{metric}_low"] = model["test_low"][metric]
            found[f"{metric}_high"] = model["test_high"][metric]
            if metric in PRINTED:
                printed = None if row.paper is None else getattr(row.paper, metric) / 100
                found[f"{metric}_paper"] = printed
        found["alert_share"] = model["alerts"]["alert_share"]
        rows.append(found)
    return pd.DataFrame(rows)


def predictions_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """Put all models' scores of labelled clips below each other."""
    parts = [model.predictions.assign(model=model.name) for model in scored]
    return pd.concat(parts)[PREDICTIONS.names]
