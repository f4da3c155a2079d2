"""Measure the five models beside the paper's Table 2; choose on validation which is registered."""

import json
import logging
import math

from aislewatch.config.params import Params
from aislewatch.evaluate.outputs import write_outputs
from aislewatch.evaluate.report import Study
from aislewatch.evaluate.slices import video_properties
from aislewatch.evaluate.summary import Evaluated, evaluate_models
from aislewatch.evaluate.table import print_table
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.models.build import load_model
from aislewatch.models.rows import BY_NAME
from aislewatch.models.scoring import set_up_compute
from aislewatch.score.ledger import record_test_use
from aislewatch.score.scored import Footage, Scored, score_model
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.split import SPLITS
from aislewatch.tables.train import curve_of
from aislewatch.tables.validate import ANNOTATIONS
from aislewatch.tracking.journal import Journal
from stages.runner import run_stage

log = logging.getLogger(__name__)


def main() -> None:
    """``python -m stages.evaluate``, as dvc.yaml runs it."""
    run_stage("evaluate", ["frames", "segment", "evaluate", "alerts"], work)


def work(params: Params, journal: Journal) -> None:
    """Score, choose, measure, draw; the table of models ends the stage's output."""
    footage = Footage(places.FRAMES, SPLITS.read(), CATALOG.read(), ANNOTATIONS.read())
    scored = _score_all(footage, params)
    on_test = set(footage.splits.loc[footage.splits["split"] == "test", "video"])
    catalog = footage.catalog[footage.catalog["video"].isin(on_test)]
    properties = video_properties(catalog, places.FRAMES, params.frames.size)
    evaluation = evaluate_models(scored, properties, params.evaluate, params.alerts)
    curves = {name: curve_of(name).read() for name in BY_NAME}
    study = Study(json.loads(places.BEST.read_text()), places.STUDY_PICTURES)
    outputs = write_outputs(evaluation, scored, curves, study, footage, params)
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


def _score_all(footage: Footage, params: Params) -> list[Scored]:
    split_digest = sha256_file(SPLITS.path)
    device = set_up_compute(params.machine)
    scored = []
    for name in BY_NAME:
        model = load_model(places.model_folder(name))
        # Counted before it happens: an evaluation that is killed has looked, too.
        uses = record_test_use("evaluate", sha256_tree(places.model_folder(name)), split_digest)
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
        "test.event_recall": model.alerts.recall.value,
        "test.event_precision": model.alerts.precision.value,
        "test.event_f1": model.alerts.f1.value,
        "test.delay_p50_s": model.alerts.delay_p50_s,
        "test.delay_p95_s": model.alerts.delay_p95_s,
        "test.brier": model.calibration.brier,
        "test.ece": model.calibration.ece,
        "alerts.threshold": model.operating.rule.threshold,
    }
    return {name: value for name, value in found.items() if not math.isnan(value)}


if __name__ == "__main__":
    main()
