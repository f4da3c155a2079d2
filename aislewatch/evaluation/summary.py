"""All figures of one evaluation, and their form in ``metrics/evaluate.json``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aislewatch.config import Alerts, Evaluate
from aislewatch.evaluation.events import AlertFigures, alert_figures
from aislewatch.evaluation.intervals import (
    ENOUGH_VIDEOS,
    Array,
    Interval,
    interval,
    resampled_metrics,
)
from aislewatch.evaluation.metrics import METRICS, clip_metrics
from aislewatch.evaluation.scored import Scored
from aislewatch.evaluation.selection import Validation, choose, judge


@dataclass(frozen=True)
class Evaluated:
    """One model's figures; ``lead`` is the chosen model's test AUC minus this one's, paired."""

    name: str
    facts: Mapping[str, Any]
    validation: Validation
    val: Mapping[str, float]
    test: Mapping[str, Interval]
    lead: Interval
    alerts: AlertFigures


@dataclass(frozen=True)
class Evaluation:
    """The whole evaluation; ``models`` in the order they were given."""

    selected: str
    models: Sequence[Evaluated]
    test_clips: int
    test_videos: int
    warnings: Sequence[str]

    def chosen(self) -> Evaluated:
        """The model to register."""
        return next(model for model in self.models if model.name == self.selected)


def evaluate_models(scored: Sequence[Scored], settings: Evaluate, rule: Alerts) -> Evaluation:
    """Choose a model on validation, then measure every model on test.

    Raises:
        ModelError: no model was given.
    """
    validations = {model.name: judge(model.side("val")) for model in scored}
    selected = choose(validations)
    draws = {model.name: resampled_metrics(model.side("test"), settings) for model in scored}
    values = {model.name: clip_metrics(model.side("test")) for model in scored}

    def lead(name: str) -> Interval:
        difference = values[selected]["auc"] - values[name]["auc"]
        return interval(
            difference, draws[selected]["auc"] - draws[name]["auc"], settings.confidence
        )

    models = [
        Evaluated(
            name=model.name,
            facts=model.facts,
            validation=validations[model.name],
            val=clip_metrics(model.side("val")),
            test=_intervals(values[model.name], draws[model.name], settings.confidence),
            lead=lead(model.name),
            alerts=alert_figures(model.test_videos, rule, settings.confidence),
        )
        for model in scored
    ]
    test = scored[0].side("test")
    n_videos = int(test["video"].nunique())
    warnings = _warnings(models, scored[0], n_videos, settings)
    return Evaluation(selected, models, len(test), n_videos, warnings)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """For ``metrics/evaluate.json``; an undefined figure is null.

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
        "alerts": asdict(model.alerts),
    }


def _intervals(
    values: Mapping[str, float], draws: Mapping[str, Array], confidence: float
) -> dict[str, Interval]:
    return {name: interval(values[name], draws[name], confidence) for name in METRICS}


def _warnings(
    models: Sequence[Evaluated], scored: Scored, n_videos: int, settings: Evaluate
) -> list[str]:
    """What a reader must know before believing the figures; the same for all models but one."""
    found = []
    if n_videos < ENOUGH_VIDEOS:
        found.append(
            f"Only {n_videos} test videos: below {ENOUGH_VIDEOS} the intervals are too narrow "
            "and differences between models mean little. Bring more footage."
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
    return found


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
