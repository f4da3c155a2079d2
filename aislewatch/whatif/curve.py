"""Says what any threshold and rule would have meant on footage whose scores are kept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aislewatch.alerts.rule import AlertRule
from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.alarms import SECONDS_AN_HOUR, normal_hours, poisson_bound
from aislewatch.score.events import VideoScores, judge_alerts

HOURS_A_DAY = 24.0


@dataclass(frozen=True)
class Point:
    """What one rule means: rates are per day of one camera that films all day and night.

    ``recall`` is the share of events that an alert was raised in, ``false_alarms`` a day of normal
    footage, ``false_alarms_bound`` their exact one-sided upper bound. ``alerts`` a day of all
    footage count true ones too. ``delay_s`` is the median from an event's beginning to its alert.
    What there is no footage for is NaN.
    """

    threshold: float
    recall: float
    events_found: int
    events: int
    alerts: float
    false_alarms: float
    false_alarms_bound: float
    delay_s: float


def points(
    videos: Sequence[VideoScores], rules: Sequence[AlertRule], settings: Evaluate
) -> list[Point]:
    """Hold the alerts that each rule raises on whole videos against their events.

    Args:
        videos: scored from beginning to end.
        rules: with their thresholds.
        settings: ``grace_s``, ``alarm_s`` and the bound's ``confidence``.
    """
    return [_point(videos, rule, settings) for rule in rules]


def _point(videos: Sequence[VideoScores], rule: AlertRule, settings: Evaluate) -> Point:
    outcomes = judge_alerts(videos, rule, settings)
    events = sum(outcome.events for outcome in outcomes)
    found = sum(outcome.found for outcome in outcomes)
    false_alarms = sum(outcome.false_alarms for outcome in outcomes)
    normal_days = normal_hours(outcomes) / HOURS_A_DAY
    days = sum(video.duration_s for video in videos) / SECONDS_AN_HOUR / HOURS_A_DAY
    delays = [delay for outcome in outcomes for delay in outcome.delays_s]
    bound = poisson_bound(false_alarms, settings.confidence)
    return Point(
        threshold=rule.threshold,
        recall=_per(found, events),
        events_found=found,
        events=events,
        alerts=_per(sum(outcome.alerts for outcome in outcomes), days),
        false_alarms=_per(false_alarms, normal_days),
        false_alarms_bound=_per(bound, normal_days),
        delay_s=float(np.median(delays)) if delays else math.nan,
    )


def _per(count: float, of: float) -> float:
    return count / of if of else math.nan
