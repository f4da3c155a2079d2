"""Prints Table 2 of the paper beside our own figures, after the operator's table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from aislewatch.cards.rendering import COLUMNS
from aislewatch.console import plain_console
from aislewatch.files import read_output
from aislewatch.models.rows import Row, in_order
from aislewatch.report.operator_table import render_operator_table
from aislewatch.tables import places

# Columns of the printed table: fits five figures with intervals, and a terminal beside an editor.
WIDTH = 116


def render_table(summary: Mapping[str, Any]) -> str:
    """Render the table as text, per cent: interval in brackets, the paper's figure below."""
    table = Table(
        title=_title(summary),
        caption=_caption(summary),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Model", min_width=16)
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("In alert", justify="right", no_wrap=True)
    for row, model in in_order(summary["models"]):
        mark = " *" if row.name == summary["selected"] else ""
        cells = [cell(model, metric) + "\n" + _paper(row, metric) for metric in COLUMNS]
        table.add_row(row.title + mark, *cells, share_cell(model))
    console = plain_console(WIDTH)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def print_tables(path: Path = places.EVALUATION) -> None:
    """Print the last evaluation: the operator's table, then Table 2.

    Raises:
        PipelineError: there has been none, or its file is damaged.
    """
    summary = read_output(path, "selected")
    print(render_operator_table(summary))
    print(render_table(summary))


def cell(model: Mapping[str, Any], metric: str) -> str:
    """Render a figure in per cent with its interval, ``88.1 [80, 94]``; a dash if undefined."""
    value, low, high = (model[side][metric] for side in ("test", "test_low", "test_high"))
    if value is None:
        return "–"
    between = "–" if low is None else f"{100 * low:.0f}, {100 * high:.0f}"
    return f"{100 * value:.1f} [{between}]"


def share_cell(model: Mapping[str, Any]) -> str:
    """Render the share of normal footage under an alert, per cent; a dash where there is none."""
    share = model["alerts"]["alert_share"]
    return "–" if share is None else f"{100 * share:.1f}"


def _paper(row: Row, metric: str) -> str:
    printed = getattr(row.paper, metric, None)
    return "" if printed is None else f"paper {printed}"


def _title(summary: Mapping[str, Any]) -> str:
    return (
        f"Test split: {summary['test_videos']} videos, {summary['test_clips']} clips; per cent, "
        "interval by resampling groups of recordings"
    )


def _caption(summary: Mapping[str, Any]) -> str:
    notes = [
        "* chosen on validation, to be registered",
        "In alert: normal footage of whole test videos that lies under an alert, per cent",
    ]
    return "\n".join([*notes, *summary["warnings"]])
