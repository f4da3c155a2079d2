"""Chooses, on validation, the threshold at which alerts are raised; it is frozen with the model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aislewatch.alerts.rule import AlertRule, rule_at
from aislewatch.config.judging import Alerts, Evaluate
from aislewatch.evaluate.alarms import alert_share, normal_hours, poisson_bound
from aislewatch.score.events import VideoScores, judge_alerts

# Thresholds tried: hundredths of the calibrated probability; finer ones would follow single clips.
# Beyond the last hundredth, steps of about a factor 2 of what is left: training shows both classes
# alike, while two false alarms in the 1,350 clips of the demo's hour are one in 700 normal clips.
# With hundredths alone its ConvLSTM, of AUC 99.9, had no threshold within that budget.
_NEAR_ONE = (0.9999, 0.9998, 0.9995, 0.999, 0.998, 0.995)
THRESHOLDS = (*_NEAR_ONE, *(round(float(t), 2) for t in np.arange(0.99, 0.0, -0.01)))


@dataclass(frozen=True)
class OperatingPoint:
    """The alert rule a model is used with, and why its threshold is what it is.

    ``within_budget`` says whether validation footage proves the budget of false alarms; ``recall``
    is that of validation events, ``alarms_bound`` the one-sided upper bound of false alarms per
    camera-hour there. Both are NaN where there is nothing to compute them from.
    """

    rule: AlertRule
    within_budget: bool
    recall: float
    alarms_bound: float
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return it as ``models/selected.json`` and the bundle hold it; undefined is null."""
        numbers = {name: getattr(self, name) for name in ("recall", "alarms_bound")}
        return {
            "rule": self.rule.model_dump(),
            "within_budget": self.within_budget,
            "reason": self.reason,
            **{name: None if math.isnan(x) else round(x, 6) for name, x in numbers.items()},
        }


def choose_threshold(
    videos: Sequence[VideoScores], asked: Alerts, settings: Evaluate
) -> OperatingPoint:
    """Choose the threshold of the highest event recall whose false alarms provably stay in budget.

    Among equal recalls the highest threshold wins: it disturbs least. Where no threshold is
    provably within ``asked.false_alarm_budget`` (no alarm in T hours still allows 3/T an hour at
    95 %), it is ``asked.fallback_threshold``, and the reason says how many hours are missing. A
    threshold at which more than ``settings.max_alert_share`` of normal footage lies under an alert
    is never chosen: then the fallback is the next higher one that is quiet enough.

    Args:
        videos: validation videos, scored from beginning to end.
        asked: section alerts of params.yaml.
        settings: section evaluate; ``confidence`` is that of the one-sided bound.
    """
    best: OperatingPoint | None = None
    for threshold in THRESHOLDS:
        tried, share = _measure(videos, rule_at(asked, threshold), settings)
        if tried.alarms_bound > asked.false_alarm_budget or math.isnan(tried.alarms_bound):
            continue
        if share <= settings.max_alert_share and (best is None or tried.recall > best.recall):
            best = tried
    return best or _fallback(videos, asked, settings)


def _fallback(videos: Sequence[VideoScores], asked: Alerts, settings: Evaluate) -> OperatingPoint:
    """Take the threshold of params.yaml, or the next one above it that is quiet enough."""
    for threshold in (asked.fallback_threshold, *reversed(THRESHOLDS), 1.0):
        found, share = _measure(videos, rule_at(asked, threshold), settings)
        quiet = math.isnan(share) or share <= settings.max_alert_share
        if threshold >= asked.fallback_threshold and (quiet or threshold == 1.0):
            break
    hours = normal_hours(judge_alerts(videos, found.rule, settings))
    needed = poisson_bound(0, settings.confidence) / asked.false_alarm_budget
    words = (
        f"{hours:.3g} hours of normal validation footage prove no budget of "
        f"{asked.false_alarm_budget:g} false alarms per camera-hour ({needed:.3g} clean hours are "
        "needed); the threshold is that of params.yaml"
    )
    if threshold != asked.fallback_threshold:
        words += (
            f", raised from {asked.fallback_threshold:g} to {threshold:g}, because below it more "
            f"than {settings.max_alert_share:.1%} of normal footage lies under an alert"
        )
    return OperatingPoint(found.rule, False, found.recall, found.alarms_bound, words)


def _measure(
    videos: Sequence[VideoScores], rule: AlertRule, settings: Evaluate
) -> tuple[OperatingPoint, float]:
    """Measure a rule on whole videos; also the share of normal footage under an alert."""
    outcomes = judge_alerts(videos, rule, settings)
    events, hours = sum(o.events for o in outcomes), normal_hours(outcomes)
    recall = sum(o.found for o in outcomes) / events if events else math.nan
    count = sum(o.false_alarms for o in outcomes)
    bound = poisson_bound(count, settings.confidence) / hours if hours else math.nan
    reason = (
        f"highest event recall on validation ({recall:.1%}) whose false alarms stay within "
        f"{rule.false_alarm_budget:g} per camera-hour (upper bound {bound:.3g}, "
        f"{settings.confidence:.0%})"
    )
    return OperatingPoint(rule, True, recall, bound, reason), alert_share(outcomes)
