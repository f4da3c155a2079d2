"""Measure the five models beside the paper's Table 2; choose on validation which is registered."""

import logging
import math
from pathlib import Path

import pandas as pd

from aislewatch.config import Params
from aislewatch.evaluation.ledger import record_test_use
from aislewatch.evaluation.outputs import write_outputs
from aislewatch.evaluation.scored import Footage, Scored, score_model
from aislewatch.evaluation.summary import Evaluated, evaluate_models
from aislewatch.evaluation.table import NAMES, print_table
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.models.build import load_model
from aislewatch.scoring import set_up_compute
from aislewatch.tracking.journal import Journal
from stages.runner import run_stage

log = logging.getLogger(__name__)

FRAMES = Path("data/frames")
CATALOG = Path("data/catalog.parquet")
ANNOTATIONS = Path("data/annotations.parquet")
SPLITS = Path("data/splits.parquet")
MODELS = Path("models")
CURVES = Path("metrics/curves")


def main() -> None:
    """``python -m stages.evaluate``, as dvc.yaml runs it."""
    run_stage("evaluate", ["frames", "segment", "compute", "evaluate", "alerts"], work)


def work(params: Params, journal: Journal) -> None:
    """Score, choose, measure, draw; the table of models ends the stage's output."""
    scored = _score_all(params)
    evaluation = evaluate_models(scored, params.evaluate, params.alerts)
    curves = {name: pd.read_csv(CURVES / f"{name}.csv") for name in NAMES}
    outputs = write_outputs(evaluation, scored, curves, FRAMES, params)
    for model in evaluation.models:
        with journal.child(model.name, "model", model.facts) as run:
            run.metrics(_metrics(model))
    chosen = evaluation.chosen()
    journal.metrics(_metrics(chosen) | {"test_videos": evaluation.test_videos})
    journal.tags({"selected": evaluation.selected})
    for path in outputs:
        journal.digest(path)
        if path.is_dir():
            journal.artifact(path)
    print_table()


def _score_all(params: Params) -> list[Scored]:
    splits = pd.read_parquet(SPLITS)
    footage = Footage(FRAMES, splits, pd.read_parquet(CATALOG), pd.read_parquet(ANNOTATIONS))
    split_digest = sha256_file(SPLITS)
    device = set_up_compute(params.compute)
    scored = []
    for name in NAMES:
        model = load_model(MODELS / name)
        # Counted before it happens: an evaluation that is killed has looked, too.
        uses = record_test_use("evaluate", sha256_tree(MODELS / name), split_digest)
        log.info("scoring with %s; use %d of this test split", name, uses)
        scored.append(score_model(name, model, footage, device))
    return scored


def _metrics(model: Evaluated) -> dict[str, float]:
    """Names shared with the other stages' runs; an undefined figure is left out."""
    found = {f"test.{name}": spread.value for name, spread in model.test.items()}
    found |= {f"test.{name}_low": spread.low for name, spread in model.test.items()}
    found |= {f"test.{name}_high": spread.high for name, spread in model.test.items()}
    found |= {f"val.{name}": value for name, value in model.val.items()}
    found |= {"val.log_loss": model.validation.log_loss}
    found |= {
        "test.false_alarms_per_hour": model.alerts.false_alarms_per_hour,
        "test.shoplifting_alerted": model.alerts.shoplifting_alerted,
        "test.normal_alerted": model.alerts.normal_alerted,
    }
    return {name: value for name, value in found.items() if not math.isnan(value)}


if __name__ == "__main__":
    main()
