"""Prints what the chosen network's alerts are worth to an operator, as text for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from aislewatch.console import plain_console
from aislewatch.models.rows import BY_NAME

# Columns of the printed table: as wide as Table 2, which follows it.
WIDTH = 116


def render_operator_table(summary: Mapping[str, Any]) -> str:
    """Render the figures that an operator asks for first, of whole test videos.

    Args:
        summary: the content of ``metrics/evaluate.json``.
    """
    model = summary["models"][summary["selected"]]
    alerts, operating = model["alerts"], model["operating"]
    table = Table(
        title=f"For the operator: {BY_NAME[summary['selected']].title} on "
        f"{60 * alerts['normal_hours']:.0f} minutes of normal test footage and the events in it",
        caption=_caption(operating),
        title_justify="left",
        caption_justify="left",
        show_header=False,
    )
    for question, answer in _rows(alerts):
        table.add_row(question, answer)
    console = plain_console(WIDTH)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _rows(alerts: Mapping[str, Any]) -> list[tuple[str, str]]:
    recall, low, high = (alerts["recall"][name] for name in ("value", "low", "high"))
    found = f"{alerts['events_found']} of {alerts['events']}"
    if recall is not None:
        found += f": {100 * recall:.0f} %" + _between(low, high, 100, 0)
    if alerts["delay_p50_s"] is None:
        delay = "–"
    else:
        delay = f"{alerts['delay_p50_s']:.1f} s after an event begins (median)"
        delay += f"; {alerts['delay_p95_s']:.1f} s for the slowest 5 %"
    if alerts["false_alarms_per_hour"] is None:
        rate = share = "–"
    else:
        rate = f"{alerts['false_alarms_per_hour']:.1f}" + _between(
            alerts["false_alarms_per_hour_low"], alerts["false_alarms_per_hour_high"], 1, 1
        )
        rate += f": {alerts['false_alarms']} in {alerts['normal_hours']:.2f} h of one camera"
        share = f"{100 * alerts['alert_share']:.2f} % of normal footage"
    return [
        ("Events found", found),
        ("Delay", delay),
        ("False alarms an hour", rate),
        ("Time in alert", share),
    ]


def _between(low: float | None, high: float | None, scale: int, digits: int) -> str:
    if low is None or high is None:
        return ""
    return f" [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"


def _caption(operating: Mapping[str, Any]) -> str:
    return f"Threshold {operating['rule']['threshold']:g}, chosen on validation: " + str(
        operating["reason"]
    )
