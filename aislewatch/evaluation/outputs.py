"""Everything an evaluation leaves on disk, each file or folder whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislewatch.alerts import rule_in_words
from aislewatch.config import Params
from aislewatch.evaluation import figures, plots
from aislewatch.evaluation.mistakes import Mistake, contact_sheet, worst_mistakes
from aislewatch.evaluation.report import write_report
from aislewatch.evaluation.scored import Scored
from aislewatch.evaluation.summary import Evaluation, as_json
from aislewatch.evaluation.table import EVALUATE_JSON, table_frame
from aislewatch.files import whole_file, whole_folder, write_json
from aislewatch.footage.batches import read_batches

SELECTED = Path("models/selected.json")
TABLE = Path("metrics/table.csv")
ROC = Path("metrics/roc.csv")
PR = Path("metrics/pr.csv")
CONFUSION = Path("metrics/confusion.csv")
PREDICTIONS = Path("metrics/predictions.csv")
REPORT = Path("reports/evaluate")


def write_outputs(
    evaluation: Evaluation,
    scored: Sequence[Scored],
    curves: Mapping[str, pd.DataFrame],
    frames_dir: Path,
    params: Params,
) -> list[Path]:
    """Write the report first, then tables, then what later stages read.

    Args:
        evaluation: all figures.
        scored: the models' scores, in the order of ``evaluation.models``.
        curves: learning curves by model.
        frames_dir: the frame store, for pictures of mistakes.
        params: sections frames, segment, evaluate and alerts.

    Returns:
        What was written.
    """
    test = {model.name: model.side("test") for model in scored}
    with whole_folder(REPORT) as folder:
        pictures = _draw(evaluation, test, curves, frames_dir, params, folder)
        rule, confidence = rule_in_words(params.alerts), params.evaluate.confidence
        write_report(evaluation, pictures, rule, confidence, folder / "report.html")
    summary = as_json(evaluation)
    both = {model.name: model.predictions for model in scored}
    for path, table in (
        (TABLE, table_frame(summary)),
        (ROC, plots.roc_table(test)),
        (PR, plots.pr_table(test)),
        (CONFUSION, plots.confusion_table(test)),
        (PREDICTIONS, plots.predictions_table(both)),
    ):
        _write_csv(path, table)
    write_json(EVALUATE_JSON, summary)
    write_json(SELECTED, {"model": evaluation.selected})
    return [REPORT, TABLE, ROC, PR, CONFUSION, PREDICTIONS, EVALUATE_JSON, SELECTED]


def _draw(
    evaluation: Evaluation,
    test: Mapping[str, pd.DataFrame],
    curves: Mapping[str, pd.DataFrame],
    frames_dir: Path,
    params: Params,
    folder: Path,
) -> dict[str, Path]:
    names = ("forest", "learning", "curves", "confusion", "mistakes")
    paths = {name: folder / f"{name}.png" for name in names}
    figures.forest(evaluation, params.evaluate.confidence, paths["forest"])
    figures.learning_curves(curves, paths["learning"])
    figures.curves(test, evaluation.selected, paths["curves"])
    figures.confusion_matrices(test, paths["confusion"])
    clips = test[evaluation.selected]
    mistakes = worst_mistakes(clips, params.evaluate.mistakes, params.frames.fps)

    def read(mistake: Mistake) -> NDArray[np.uint8]:
        address = [[(mistake.frames_file, mistake.start)]]
        segment, size = params.segment, params.frames.size
        batches = read_batches(frames_dir, address, segment.n_frames, segment.step, size)
        frames_TKW: NDArray[np.uint8] = next(batches)[0].copy()
        return frames_TKW

    contact_sheet(mistakes, read, paths["mistakes"])
    return paths


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    # Nine digits give back every float32 score exactly.
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n")
