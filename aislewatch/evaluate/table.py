"""Table 2 of the paper beside our own figures: as CSV, and as text for the terminal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from aislewatch.console import plain_console
from aislewatch.errors import PipelineError

# Table 2, per cent as printed. The paper has one ConvLSTM; both of ours stand beside it.
PAPER: Mapping[str, Mapping[str, int]] = {
    "cnn": {"accuracy": 82, "precision": 80, "recall": 78, "f1": 79},
    "lstm": {"accuracy": 79, "precision": 77, "recall": 75, "f1": 76},
    "cnn_lstm": {"accuracy": 86, "precision": 84, "recall": 85, "f1": 84},
    "convlstm": {"accuracy": 92, "precision": 90, "recall": 91, "f1": 91},
    "convlstm_paper": {"accuracy": 92, "precision": 90, "recall": 91, "f1": 91},
}

# The paper's names, in the order of its table.
NAMES: Mapping[str, str] = {
    "cnn": "CNN-only",
    "lstm": "LSTM-only",
    "cnn_lstm": "CNN+LSTM",
    "convlstm": "ConvLSTM",
    "convlstm_paper": "ConvLSTM (paper's settings)",
}

INPUTS: Mapping[str, str] = {"rgb": "RGB", "diff": "frame differences"}

COLUMNS: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "auc": "ROC-AUC",
}

EVALUATE_JSON = Path("metrics/evaluate.json")

# Columns of the printed table: fits five figures with intervals, and a terminal beside an editor.
WIDTH = 116


def table_frame(summary: Mapping[str, Any]) -> pd.DataFrame:
    """A row a model, in the paper's order: figures, intervals and the paper's, shares 0 to 1."""
    rows = []
    for name, model in _in_order(summary):
        row: dict[str, Any] = {"model": name, "name": NAMES[name]}
        for metric in COLUMNS:
            row[metric] = model["test"][metric]
            row[f"{metric}_low"] = model["test_low"][metric]
            row[f"{metric}_high"] = model["test_high"][metric]
            if metric in PAPER[name]:
                row[f"{metric}_paper"] = PAPER[name][metric] / 100
        rows.append(row)
    return pd.DataFrame(rows)


def render_table(summary: Mapping[str, Any]) -> str:
    """The table as text, per cent, with the interval in brackets and the paper's figure below."""
    table = Table(
        title=_title(summary),
        caption=_caption(summary),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Model", min_width=16)
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for name, model in _in_order(summary):
        mark = " *" if name == summary["selected"] else ""
        cells = [cell(model, metric) + "\n" + _paper(name, metric) for metric in COLUMNS]
        table.add_row(NAMES[name] + mark, *cells)
    console = plain_console(WIDTH)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def print_table(path: Path = EVALUATE_JSON) -> None:
    """Print the table of the last evaluation.

    Raises:
        PipelineError: there has been none.
    """
    if not path.exists():
        raise PipelineError(f"{path} is missing: run the evaluate stage (dvc repro evaluate)")
    print(render_table(json.loads(path.read_text())))


def cell(model: Mapping[str, Any], metric: str) -> str:
    """One figure in per cent with its interval, ``88.1 [80, 94]``; a dash where undefined."""
    value, low, high = (model[side][metric] for side in ("test", "test_low", "test_high"))
    if value is None:
        return "–"
    between = "–" if low is None else f"{100 * low:.0f}, {100 * high:.0f}"
    return f"{100 * value:.1f} [{between}]"


def _in_order(summary: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, summary["models"][name]) for name in NAMES if name in summary["models"]]


def _paper(name: str, metric: str) -> str:
    return f"paper {PAPER[name][metric]}" if metric in PAPER[name] else ""


def _title(summary: Mapping[str, Any]) -> str:
    return (
        f"Test split: {summary['test_videos']} videos, {summary['test_clips']} clips; per cent, "
        "interval by resampling videos"
    )


def _caption(summary: Mapping[str, Any]) -> str:
    return "\n".join(["* chosen on validation, to be registered", *summary["warnings"]])
