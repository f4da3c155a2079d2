"""Draws what evaluate has measured: pictures, films, the page, and the tables of `dvc plots`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislewatch.cards.cards import data_card, model_card
from aislewatch.config.judging import Evaluate
from aislewatch.config.params import Params
from aislewatch.files import whole_folder, write_csv
from aislewatch.frames.clip_frames import read_clip
from aislewatch.report import figures, plots
from aislewatch.report.mistakes import Mistake, worst_mistakes, write_loop
from aislewatch.report.page import Study, rule_of, write_report
from aislewatch.report.seen import SeenPeople
from aislewatch.report.timeline import draw_timelines, telling_videos
from aislewatch.score.events import VideoScores, judge_alerts
from aislewatch.score.scored import Dataset, Scored
from aislewatch.tables import places
from aislewatch.tables.people import TRACKS

# Of a CSV: nine digits are more than the float32 logits behind the scores hold.
FLOAT_FORMAT = "%.9g"

# Whole videos drawn in the report: two screens of them.
TIMELINES = 16


@dataclass(frozen=True)
class Measured:
    """What is drawn.

    ``summary`` is ``metrics/evaluate.json``; ``scored`` has all models in the table's order;
    ``curves`` are their learning curves by name; ``study`` is what tuning found.
    """

    summary: Mapping[str, Any]
    scored: Sequence[Scored]
    curves: Mapping[str, pd.DataFrame]
    study: Study

    def test(self) -> dict[str, pd.DataFrame]:
        """Return the test clips of every model, by name."""
        return {model.name: model.side("test") for model in self.scored}

    def whole_videos(self) -> Sequence[VideoScores]:
        """Return the chosen model's whole test videos."""
        selected = self.summary["selected"]
        return next(model.whole["test"] for model in self.scored if model.name == selected)


def write_outputs(measured: Measured, dataset: Dataset, params: Params) -> Path:
    """Write the report with the tables of `dvc plots` beside it, whole or not at all.

    Args:
        measured: what is drawn.
        dataset: the tables, for the cards.
        params: sections frames, segment and evaluate.

    Returns:
        The folder of both.
    """
    summary, test = measured.summary, measured.test()
    cards = {
        "Model card": model_card(summary, dataset, params),
        "Data card": data_card(dataset, params),
    }
    confidence = params.evaluate.confidence
    with whole_folder(places.EVALUATION_REPORT) as folder:
        pictures = _draw(measured, params.evaluate, folder)
        people = SeenPeople(TRACKS.read(), dataset.catalog)
        loops = _write_loops(test[summary["selected"]], people, params, folder)
        page = folder / "report.html"
        write_report(summary, confidence, pictures, measured.study, loops, cards, page)
        for place, table in (
            (places.ROC, plots.roc_table(test)),
            (places.PR, plots.pr_table(test)),
            (places.CONFUSION, plots.confusion_table(test)),
        ):
            write_csv(folder / place.name, table, FLOAT_FORMAT)
    return places.EVALUATION_REPORT


def _draw(measured: Measured, settings: Evaluate, folder: Path) -> dict[str, Path]:
    names = ("forest", "learning", "curves", "confusion", "reliability", "timelines")
    paths = {name: folder / f"{name}.png" for name in names}
    summary, test = measured.summary, measured.test()
    selected = summary["selected"]
    figures.forest(summary, settings.confidence, paths["forest"])
    figures.learning_curves(measured.curves, paths["learning"])
    figures.curves(test, selected, paths["curves"])
    figures.confusion_matrices(test, paths["confusion"])
    chosen = summary["models"][selected]
    figures.reliability_diagram(test[selected], chosen, paths["reliability"])
    rule, videos = rule_of(summary), measured.whole_videos()
    telling = telling_videos(videos, judge_alerts(videos, rule, settings), TIMELINES)
    draw_timelines(telling, rule, paths["timelines"])
    return paths


def _write_loops(
    clips: pd.DataFrame, people: SeenPeople, params: Params, folder: Path
) -> list[tuple[Mistake, Path]]:
    """Write the worst false alarms and misses, half of ``evaluate.mistakes`` each."""
    segment, frames = params.segment, params.frames
    mistakes = [
        mistake
        for label in (0, 1)
        for mistake in worst_mistakes(clips, label, params.evaluate.mistakes // 2)
    ]
    loops = []
    frames_TKW = np.empty((segment.n_frames, frames.size * 3 // 2, frames.size), np.uint8)
    for number, mistake in enumerate(mistakes, start=1):
        where = (places.FRAMES, mistake.frames_file, mistake.start)
        read_clip(*where, segment.n_frames, segment.step, frames_TKW)
        loops.append((mistake, folder / f"mistake-{number:02d}.webp"))
        shown_T = mistake.start + segment.step * np.arange(segment.n_frames)
        boxes_T4 = people.boxes(mistake.video, mistake.track, shown_T)
        write_loop(frames_TKW, frames.fps / segment.step, loops[-1][1], boxes_T4)
    return loops
