"""The threshold at which alerts are raised: chosen on validation, frozen with the model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aislewatch.config.judging import Alerts
from aislewatch.evaluate.alarms import normal_hours, poisson_bound
from aislewatch.score.alerts import AlertRule, rule_at
from aislewatch.score.events import VideoScores, judge_alerts

# Thresholds tried: hundredths of the calibrated probability. Finer ones would follow single clips.
THRESHOLDS = tuple(round(float(t), 2) for t in np.arange(0.99, 0.0, -0.01))


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
        """For ``models/selected.json`` and the registered bundle; undefined figures are null."""
        numbers = {name: getattr(self, name) for name in ("recall", "alarms_bound")}
        return {
            "rule": self.rule.model_dump(),
            "within_budget": self.within_budget,
            "reason": self.reason,
            **{name: None if math.isnan(x) else round(x, 6) for name, x in numbers.items()},
        }


def choose_threshold(
    videos: Sequence[VideoScores], asked: Alerts, confidence: float
) -> OperatingPoint:
    """The threshold of the highest event recall whose false alarms provably stay in budget.

    Among equal recalls the highest threshold wins: it disturbs least. Where no threshold is
    provably within ``asked.false_alarm_budget`` (no alarm in T hours still allows 3/T an hour at
    95 %), it is ``asked.fallback_threshold``, and the reason says how many hours are missing.

    Args:
        videos: validation videos, scored from beginning to end.
        asked: section alerts of params.yaml.
        confidence: of the one-sided bound.
    """
    rule = rule_at(asked, asked.fallback_threshold)
    best = _measure(videos, rule, confidence)
    hours = normal_hours(judge_alerts(videos, rule))
    budget = rule.false_alarm_budget
    needed = poisson_bound(0, confidence) / budget
    words = (
        f"{hours:.3g} hours of normal validation footage prove no budget of {budget:g} false "
        f"alarms per camera-hour ({needed:.3g} clean hours are needed); the threshold is that of "
        "params.yaml"
    )
    best = OperatingPoint(rule, False, best.recall, best.alarms_bound, words)
    for threshold in THRESHOLDS:
        tried = _measure(videos, rule_at(asked, threshold), confidence)
        if tried.alarms_bound <= budget and (not best.within_budget or tried.recall > best.recall):
            best = tried
    return best


def _measure(videos: Sequence[VideoScores], rule: AlertRule, confidence: float) -> OperatingPoint:
    outcomes = judge_alerts(videos, rule)
    events, hours = sum(o.events for o in outcomes), normal_hours(outcomes)
    recall = sum(o.found for o in outcomes) / events if events else math.nan
    count = sum(o.false_alarms for o in outcomes)
    bound = poisson_bound(count, confidence) / hours if hours else math.nan
    return OperatingPoint(
        rule,
        True,
        recall,
        bound,
        f"highest event recall on validation ({recall:.1%}) whose false alarms stay within "
        f"{rule.false_alarm_budget:g} per camera-hour (upper bound {bound:.3g}, {confidence:.0%})",
    )
