"""Answers `aislewatch what-if` from the scores that the score stage keeps; nothing is scored."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from rich.table import Table

from aislewatch.alerts.rule import AlertRule, rule_at, rule_in_words
from aislewatch.config.judging import Alerts
from aislewatch.config.params import Params
from aislewatch.console import plain_console
from aislewatch.errors import PipelineError
from aislewatch.evaluate.operating import THRESHOLDS
from aislewatch.files import read_output, whole_file, write_csv
from aislewatch.pictures import NEUTRAL, SCORE, SHOPLIFTING_COLOUR, picture
from aislewatch.score.scored import Dataset, read_scored
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.split import SPLITS
from aislewatch.tables.validate import ANNOTATIONS, VIDEOS
from aislewatch.whatif.curve import Point, points

# Thresholds printed where none is asked for: a screenful, with those near 1, of which good models
# have theirs. The table on disk has every hundredth.
PRINTED = (
    *(threshold for threshold in THRESHOLDS if threshold >= 0.99),
    *(round(hundredths / 100, 2) for hundredths in range(95, 0, -5)),
)

WIDTH = 100  # columns of the terminal


@dataclass(frozen=True)
class WhatIf:
    """What thresholds of a rule mean on validation footage, and where table and picture lie."""

    model: str
    rule: AlertRule
    hours: float
    found: Sequence[Point]
    printed: Sequence[float]
    table_file: Path
    picture_file: Path

    def describe(self) -> str:
        """Describe it for the terminal: a line a threshold, and where the picture lies."""
        words = rule_in_words(self.rule).rsplit(" at or above", 1)[0]
        table = Table(
            title=f"{self.model} on {self.hours:.3g} hours of validation footage: {words}",
            caption=f"False alarms: of normal footage. {self.table_file} has every "
            f"hundredth, {self.picture_file} the curve.",
            title_justify="left",
            caption_justify="left",
        )
        for heading in (
            *("Threshold", "Events found", "Recall", "False alarms a day", "(at most)"),
            *("Alerts a day", "Delay"),
        ):
            table.add_column(heading, justify="right")
        for point in self.found:
            if point.threshold in self.printed:
                table.add_row(*_cells(point))
        console = plain_console(WIDTH)
        with console.capture() as captured:
            console.print(table)
        return captured.get()


def answer(params: Params, asked: Alerts, thresholds: Sequence[float], folder: Path) -> WhatIf:
    """Hold every threshold of a rule against validation footage; write table and picture.

    The chosen network's kept scores are read. Test has no say: who chooses by it has no measure
    left of what was chosen.

    Args:
        params: sections evaluate and alerts; the picture shows the rule of alerts beside.
        asked: the rule; its ``fallback_threshold`` does not matter.
        thresholds: to print; none: ``PRINTED``.
        folder: gets ``table.csv`` and ``curve.png``.

    Raises:
        PipelineError: nothing was evaluated yet, or there is no validation footage.
        TableError: a table is missing or damaged.
    """
    name = read_output(places.SELECTED, "model")["model"]
    dataset = Dataset(SPLITS.read(), CATALOG.read(), ANNOTATIONS.read(), VIDEOS.read())
    videos = read_scored(name, dataset).whole.get("val", ())
    if not videos:
        raise PipelineError(
            "no validation video is as long as a clip: alerts cannot be tried; bring longer footage"
        )
    tried = sorted({*THRESHOLDS, *thresholds}, reverse=True)
    ours = points(videos, [rule_at(asked, each) for each in tried], params.evaluate)
    shipped = [rule_at(params.alerts, each) for each in THRESHOLDS]
    before = [] if asked == params.alerts else points(videos, shipped, params.evaluate)
    found = WhatIf(
        model=name,
        rule=rule_at(asked, tried[0]),
        hours=sum(video.duration_s for video in videos) / 3600.0,
        found=ours,
        printed=tuple(thresholds) or PRINTED,
        table_file=folder / "table.csv",
        picture_file=folder / "curve.png",
    )
    write_csv(found.table_file, pd.DataFrame(map(asdict, ours)), "%.9g")
    with whole_file(found.picture_file) as temporary:
        _draw(ours, before, params, temporary)
    return found


def _cells(point: Point) -> list[str]:
    rates = (point.false_alarms, point.false_alarms_bound, point.alerts)
    return [
        f"{point.threshold:g}",
        f"{point.events_found} of {point.events}",
        "–" if math.isnan(point.recall) else f"{point.recall:.1%}",
        *("–" if math.isnan(rate) else f"{rate:.3g}" for rate in rates),
        "–" if math.isnan(point.delay_s) else f"{point.delay_s:.1f} s",
    ]


def _draw(ours: Sequence[Point], before: Sequence[Point], params: Params, path: Path) -> None:
    """Draw false alarms a day against recall; every threshold is a dot."""
    with picture(path, 7.0, 4.5) as figure:
        axes = figure.subplots()
        if before:
            _curve(axes, before, NEUTRAL, "rule of params.yaml")
        _curve(axes, ours, SCORE, "rule asked for" if before else "rule of params.yaml")
        budget = params.alerts.false_alarm_budget * 24.0
        axes.axvline(budget, color=SHOPLIFTING_COLOUR, linestyle="--", label="budget")
        # Zero alarms are there to be seen, and thousands too.
        axes.set_xscale("symlog", linthresh=1.0)
        axes.set(
            xlabel="false alarms a day and camera",
            ylabel="share of events found",
            ylim=(-0.03, 1.03),
        )
        axes.set_xlim(left=0.0)
        axes.legend(fontsize=8)


def _curve(axes: Axes, found: Sequence[Point], colour: str, label: str) -> None:
    alarms = [point.false_alarms for point in found]
    axes.plot(alarms, [point.recall for point in found], ".-", color=colour, label=label)
    for point in found:
        if round(point.threshold * 100) % 20 == 0:
            place = (point.false_alarms, point.recall)
            axes.annotate(f"{point.threshold:g}", place, fontsize=7, color=colour)
