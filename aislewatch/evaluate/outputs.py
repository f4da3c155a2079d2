"""Everything an evaluation leaves on disk, each file or folder whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.config.judging import Evaluate
from aislewatch.config.params import Params
from aislewatch.evaluate import figures, plots
from aislewatch.evaluate.cards import data_card, model_card
from aislewatch.evaluate.mistakes import Mistake, worst_mistakes, write_loop
from aislewatch.evaluate.report import Study, write_report
from aislewatch.evaluate.summary import Evaluation, as_json
from aislewatch.evaluate.table import table_frame
from aislewatch.evaluate.timeline import draw_timelines, telling_videos
from aislewatch.files import whole_folder, write_csv, write_json
from aislewatch.frames.store import read_clip
from aislewatch.score.events import judge_alerts
from aislewatch.score.scored import Dataset, Scored
from aislewatch.tables import places
from aislewatch.tables.evaluate import PREDICTIONS

# Of a CSV: nine digits are more than the float32 logits behind the scores hold.
FLOAT_FORMAT = "%.9g"

# Whole videos drawn in the report: two screens of them.
TIMELINES = 16


def write_outputs(
    evaluation: Evaluation,
    scored: Sequence[Scored],
    curves: Mapping[str, pd.DataFrame],
    study: Study,
    dataset: Dataset,
    params: Params,
) -> list[Path]:
    """Write the report first, then tables, then what later stages read.

    Args:
        evaluation: all figures.
        scored: the models' scores, in the order of ``evaluation.models``.
        curves: learning curves by model.
        study: what tuning found.
        dataset: the tables, for the cards.
        params: sections frames, segment and evaluate.

    Returns:
        What was written.
    """
    test = {model.name: model.side("test") for model in scored}
    summary = as_json(evaluation)
    cards = {
        "Model card": model_card(summary, dataset, params),
        "Data card": data_card(dataset, params),
    }
    with whole_folder(places.EVALUATION_REPORT) as folder:
        pictures = _draw(evaluation, scored, curves, params.evaluate, folder)
        loops = _write_loops(test[evaluation.selected], places.FRAMES, params, folder)
        write_report(evaluation, pictures, study, loops, cards, folder / "report.html")
    both = {model.name: model.predictions for model in scored}
    PREDICTIONS.write(plots.predictions_table(both), FLOAT_FORMAT)
    wide = {
        places.MODEL_TABLE: table_frame(summary),
        places.ROC: plots.roc_table(test),
        places.PR: plots.pr_table(test),
        places.CONFUSION: plots.confusion_table(test),
    }
    for path, table in wide.items():
        write_csv(path, table, FLOAT_FORMAT)
    write_json(places.EVALUATION, summary)
    chosen = evaluation.chosen()
    write_json(places.SELECTED, {"model": chosen.name, "operating": chosen.operating.as_json()})
    return [
        *(places.EVALUATION_REPORT, *wide, PREDICTIONS.path),
        *(places.EVALUATION, places.SELECTED),
    ]


def _draw(
    evaluation: Evaluation,
    scored: Sequence[Scored],
    curves: Mapping[str, pd.DataFrame],
    settings: Evaluate,
    folder: Path,
) -> dict[str, Path]:
    names = ("forest", "learning", "curves", "confusion", "reliability", "timelines")
    paths = {name: folder / f"{name}.png" for name in names}
    test = {model.name: model.side("test") for model in scored}
    chosen = evaluation.chosen()
    figures.forest(evaluation, paths["forest"])
    figures.learning_curves(curves, paths["learning"])
    figures.curves(test, chosen.name, paths["curves"])
    figures.confusion_matrices(test, paths["confusion"])
    figures.reliability_diagram(test[chosen.name], chosen, paths["reliability"])
    videos = next(model.whole["test"] for model in scored if model.name == chosen.name)
    rule = chosen.operating.rule
    telling = telling_videos(videos, judge_alerts(videos, rule, settings), TIMELINES)
    draw_timelines(telling, rule, paths["timelines"])
    return paths


def _write_loops(
    clips: pd.DataFrame, frames_dir: Path, params: Params, folder: Path
) -> list[tuple[Mistake, Path]]:
    """The worst false alarms and misses, half of ``evaluate.mistakes`` each, as short films."""
    segment, frames = params.segment, params.frames
    mistakes = [
        mistake
        for label in (0, 1)
        for mistake in worst_mistakes(clips, label, params.evaluate.mistakes // 2, frames.fps)
    ]
    loops = []
    frames_TKW = np.empty((segment.n_frames, frames.size * 3 // 2, frames.size), np.uint8)
    for number, mistake in enumerate(mistakes, start=1):
        where = (frames_dir, mistake.frames_file, mistake.start)
        read_clip(*where, segment.n_frames, segment.step, frames_TKW)
        loops.append((mistake, folder / f"mistake-{number:02d}.webp"))
        write_loop(frames_TKW, frames.fps / segment.step, loops[-1][1])
    return loops
