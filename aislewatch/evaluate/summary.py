"""Gathers all figures of one evaluation, and writes them for ``metrics/evaluate.json``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from aislewatch.alerts.rule import clips_to_alert
from aislewatch.config.judging import Alerts, Evaluate
from aislewatch.evaluate.alarms import AlertFigures, alert_figures
from aislewatch.evaluate.calibration import Calibration, measure_calibration
from aislewatch.evaluate.intervals import (
    ENOUGH_GROUPS,
    Interval,
    Resampled,
    interval,
    resampled_metrics,
)
from aislewatch.evaluate.metrics import clip_metrics
from aislewatch.evaluate.operating import OperatingPoint, choose_threshold
from aislewatch.evaluate.selection import Validation, choose, measure
from aislewatch.evaluate.slices import Slice, slice_figures
from aislewatch.score.calibration import uncalibrated
from aislewatch.score.predictions import labels_and_scores
from aislewatch.score.scored import Scored


@dataclass(frozen=True)
class Evaluated:
    """One model's figures; ``lead`` is the chosen model's test AUC minus this one's, paired.

    ``operating`` was chosen on validation whole videos; ``alerts`` are what it raises on test.
    """

    name: str
    facts: Mapping[str, Any]
    validation: Validation
    val: Mapping[str, float]
    test: Mapping[str, Interval]
    lead: Interval
    operating: OperatingPoint
    alerts: AlertFigures
    calibration: Calibration
    before_calibration: Calibration


@dataclass(frozen=True)
class Evaluation:
    """The whole evaluation; ``models`` in the order they were given, ``slices`` of the chosen."""

    selected: str
    models: Sequence[Evaluated]
    slices: Sequence[Slice]
    test_clips: int
    test_videos: int
    confidence: float
    warnings: Sequence[str]

    def chosen(self) -> Evaluated:
        """Return the name of the model to register."""
        return next(model for model in self.models if model.name == self.selected)


def evaluate_models(
    scored: Sequence[Scored], properties: pd.DataFrame, settings: Evaluate, asked: Alerts
) -> Evaluation:
    """Choose a model and every threshold on validation, then measure on test.

    Args:
        scored: the models' scores of the same clips and videos.
        properties: as ``slices.video_properties`` returns them.
        settings: section evaluate of params.yaml.
        asked: section alerts of params.yaml.

    Raises:
        ModelError: no model was given.
    """
    validations = {model.name: measure(model.side("val")) for model in scored}
    selected = choose(validations)
    test = {model.name: resampled_metrics(model.side("test"), settings) for model in scored}
    best = test[selected]["auc"]
    models = [
        _evaluate(model, validations[model.name], test[model.name], best, settings, asked)
        for model in scored
    ]
    chosen = next(model for model in scored if model.name == selected)
    frozen = next(model for model in models if model.name == selected).operating.rule
    slices = slice_figures(chosen.side("test"), chosen.whole["test"], properties, frozen, settings)
    clips = scored[0].side("test")
    n_videos = int(clips["video"].nunique())
    warnings = _warnings(models, scored[0], settings)
    return Evaluation(selected, models, slices, len(clips), n_videos, settings.confidence, warnings)


def _evaluate(
    model: Scored,
    validation: Validation,
    test: Mapping[str, Resampled],
    best: Resampled,
    settings: Evaluate,
    asked: Alerts,
) -> Evaluated:
    operating = choose_threshold(model.whole["val"], asked, settings)
    labels, scores = labels_and_scores(model.side("test"))
    before = uncalibrated(scores, model.facts["temperature"])
    return Evaluated(
        name=model.name,
        facts=model.facts,
        validation=validation,
        val=clip_metrics(model.side("val")),
        test={name: interval(figure, settings.confidence) for name, figure in test.items()},
        lead=interval(best - test["auc"], settings.confidence),
        operating=operating,
        alerts=alert_figures(model.whole["test"], operating.rule, settings),
        calibration=measure_calibration(labels, scores),
        before_calibration=measure_calibration(labels, before),
    )


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return the content of ``metrics/evaluate.json``; undefined figures are null.

    ``models.<name>.test.auc`` is the figure, ``models.<name>.test_low.auc`` and ``test_high.auc``
    its interval.
    """
    models = {model.name: _model_as_json(model) for model in evaluation.models}
    whole = {
        "selected": evaluation.selected,
        "test_clips": evaluation.test_clips,
        "test_videos": evaluation.test_videos,
        "warnings": list(evaluation.warnings),
        "models": models,
        "slices": [_slice_as_json(part) for part in evaluation.slices],
    }
    return _without_nan(whole)  # type: ignore[no-any-return]


def _model_as_json(model: Evaluated) -> dict[str, Any]:
    return {
        **model.facts,
        "val": {**model.val, "log_loss": model.validation.log_loss},
        "test": {name: found.value for name, found in model.test.items()},
        "test_low": {name: found.low for name, found in model.test.items()},
        "test_high": {name: found.high for name, found in model.test.items()},
        "auc_lead_of_selected": asdict(model.lead),
        "operating": model.operating.as_json(),
        "alerts": asdict(model.alerts),
        "calibration": asdict(model.calibration),
        "before_calibration": asdict(model.before_calibration),
    }


def _slice_as_json(part: Slice) -> dict[str, Any]:
    return {
        "by": part.by,
        "name": part.name,
        "videos": part.videos,
        "clips": part.clips,
        "metrics": {name: asdict(found) for name, found in part.metrics.items()},
        "alerts": asdict(part.alerts),
    }


def _warnings(models: Sequence[Evaluated], scored: Scored, settings: Evaluate) -> list[str]:
    """Say what a reader must know before believing the figures of any of the models."""
    found = []
    n_videos, n_groups = scored.side("test")[["video", "group"]].nunique()
    if n_groups < ENOUGH_GROUPS:
        found.append(
            f"Only {n_groups} independent groups of test videos ({n_videos} files): below "
            f"{ENOUGH_GROUPS} the intervals are too narrow and differences between models mean "
            "little. Bring more footage."
        )
    for split in ("val", "test"):
        if scored.side(split)["label"].nunique() < 2:
            found.append(
                f"The {split} split holds one class only: AUC and what builds on it are undefined."
            )
    undefined = max(model.test["auc"].undefined for model in models)
    if 0.0 < undefined < 1.0:
        outcome = (
            "the AUC's interval is over the others"
            if undefined <= 1.0 - settings.confidence
            else "too many for an interval of the AUC"
        )
        found.append(f"{undefined:.1%} of the resamples hold one class only: {outcome}.")
    alerts = models[0].alerts
    if alerts.too_short:
        found.append(
            f"{alerts.too_short} of {n_videos} test videos are too short to raise an alert: they "
            "have fewer clips than the alert rule needs."
        )
    if alerts.too_brief:
        rule = models[0].operating.rule
        found.append(
            f"{alerts.too_brief} of {alerts.events} test events are shorter than the alert rule "
            f"can see: it needs {clips_to_alert(rule)} clips that each hold half of the event, or "
            "are half filled by it, before the grace after its end has passed. Lower "
            "alerts.consecutive or alerts.window, or take shorter clips."
        )
    return found


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
