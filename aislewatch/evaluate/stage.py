"""Measure the five models beside the paper's Table 2; choose on validation which is registered."""

import math

from aislewatch.config.params import Params
from aislewatch.evaluate.outputs import write_outputs
from aislewatch.evaluate.slices import video_properties
from aislewatch.evaluate.summary import Evaluated, evaluate_models
from aislewatch.models.rows import BY_NAME
from aislewatch.score.scored import Dataset, read_scored
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.split import SPLITS
from aislewatch.tables.validate import ANNOTATIONS, VIDEOS
from aislewatch.tracking.journal import Journal


def work(params: Params, journal: Journal) -> None:
    """Choose on validation, then measure on test."""
    dataset = Dataset(SPLITS.read(), CATALOG.read(), ANNOTATIONS.read(), VIDEOS.read())
    scored = [read_scored(name, dataset) for name in BY_NAME]
    on_test = set(dataset.splits.loc[dataset.splits["split"] == "test", "video"])
    catalog = dataset.catalog[dataset.catalog["video"].isin(on_test)]
    properties = video_properties(catalog, dataset.videos, places.FRAMES, params.frames.size)
    evaluation = evaluate_models(scored, properties, params.evaluate, params.alerts)
    outputs = write_outputs(evaluation, scored)
    for model in evaluation.models:
        with journal.child(model.name, "model", model.facts) as run:
            run.metrics(_metrics(model))
    chosen = evaluation.chosen()
    journal.metrics(_metrics(chosen) | {"test_videos": evaluation.test_videos})
    journal.tags({"selected": evaluation.selected})
    for path in outputs:
        journal.digest(path)


def _metrics(model: Evaluated) -> dict[str, float]:
    """Return metrics by names the other stages' runs share; undefined ones are left out."""
    found = {f"test.{name}": spread.value for name, spread in model.test.items()}
    found |= {f"test.{name}_low": spread.low for name, spread in model.test.items()}
    found |= {f"test.{name}_high": spread.high for name, spread in model.test.items()}
    found |= {f"val.{name}": value for name, value in model.val.items()}
    found |= {"val.log_loss": model.validation.log_loss}
    found |= {
        "test.false_alarms_per_hour": model.alerts.false_alarms_per_hour,
        "test.alert_share": model.alerts.alert_share,
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
