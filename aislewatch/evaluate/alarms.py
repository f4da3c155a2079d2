"""Computes event-level figures of one model: recall, precision, F1, false alarms an hour, delay."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from aislewatch.alerts.rule import AlertRule, can_see, clips_to_alert
from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.intervals import Interval, Resampled, draw_groups, interval, resampled
from aislewatch.score.events import VideoOutcome, VideoScores, judge_alerts

SECONDS_AN_HOUR = 3600.0


@dataclass(frozen=True)
class AlertFigures:
    """Alert-level figures of one model; rates are per hour of one camera.

    A video is one of shoplifting when it has an event. ``recall``, ``precision`` and ``f1`` are of
    events, with intervals by group of recordings. The interval of ``false_alarms_per_hour`` is
    Poisson's, exact. ``delay_p50_s`` and ``delay_p95_s`` are seconds from the beginning of an event
    to its alert. ``alert_share`` is the share of normal footage under an alert. ``too_short``
    counts videos with fewer clips than an alert needs, ``too_brief`` events that are shorter than
    the rule can see (``can_see``).
    """

    shoplifting_videos: int
    shoplifting_alerted: int
    normal_videos: int
    normal_alerted: int
    events: int
    events_found: int
    alerts: int
    false_alarms: int
    repeats: int
    normal_hours: float
    recall: Interval
    precision: Interval
    f1: Interval
    false_alarms_per_hour: float
    false_alarms_per_hour_low: float
    false_alarms_per_hour_high: float
    delay_p50_s: float
    delay_p95_s: float
    alert_share: float
    too_short: int
    too_brief: int


def alert_figures(
    videos: Sequence[VideoScores], rule: AlertRule, settings: Evaluate
) -> AlertFigures:
    """Hold the alerts that ``rule`` raises on whole videos against their events."""
    outcomes = judge_alerts(videos, rule, settings)
    of_theft = [outcome for outcome in outcomes if outcome.events]
    normal = [outcome for outcome in outcomes if not outcome.events]
    rate, low, high = alarm_rate(outcomes, settings.confidence)
    delays = [delay for outcome in outcomes for delay in outcome.delays_s]
    events = resampled_events(outcomes, settings)
    return AlertFigures(
        shoplifting_videos=len(of_theft),
        shoplifting_alerted=sum(outcome.alerts > 0 for outcome in of_theft),
        normal_videos=len(normal),
        normal_alerted=sum(outcome.alerts > 0 for outcome in normal),
        events=sum(outcome.events for outcome in outcomes),
        events_found=sum(outcome.found for outcome in outcomes),
        alerts=sum(outcome.alerts for outcome in outcomes),
        false_alarms=sum(outcome.false_alarms for outcome in outcomes),
        repeats=sum(outcome.repeats for outcome in outcomes),
        normal_hours=normal_hours(outcomes),
        recall=interval(events["recall"], settings.confidence),
        precision=interval(events["precision"], settings.confidence),
        f1=interval(events["f1"], settings.confidence),
        false_alarms_per_hour=rate,
        false_alarms_per_hour_low=low,
        false_alarms_per_hour_high=high,
        delay_p50_s=float(np.quantile(delays, 0.50)) if delays else float("nan"),
        delay_p95_s=float(np.quantile(delays, 0.95)) if delays else float("nan"),
        alert_share=alert_share(outcomes),
        too_short=sum(len(video.clips) < clips_to_alert(rule) for video in videos),
        too_brief=sum(_too_brief(video, rule, settings.grace_s) for video in videos),
    )


def _too_brief(video: VideoScores, rule: AlertRule, grace_s: float) -> int:
    """Count a video's events that are too short for the rule to see; without a clip, none."""
    clip_s = max((clip.end_s - clip.start_s for clip in video.clips), default=0.0)
    return sum(not can_see(rule, end - start, clip_s, grace_s) for start, end in video.events)


def resampled_events(outcomes: Sequence[VideoOutcome], settings: Evaluate) -> dict[str, Resampled]:
    """Resample event ``recall``, ``precision``, ``f1`` and ``false_alarms_per_hour`` by group.

    Two models' outcomes on the same videos get the same resamples: their difference is paired.
    """
    counts_V5 = np.array(
        [(o.events, o.found, o.repeats, o.false_alarms, o.normal_s) for o in outcomes], np.float64
    ).reshape(len(outcomes), 5)
    drawn_BV = draw_groups([outcome.group for outcome in outcomes], settings)
    weights_BV = np.concatenate([np.ones((1, len(outcomes))), drawn_BV])
    events, found, repeats, false_alarms, normal_s = (weights_BV @ counts_V5).T
    alerts = found + repeats + false_alarms
    with np.errstate(invalid="ignore", divide="ignore"):
        figures = {
            "recall": found / events,
            "precision": found / alerts,
            "f1": np.where(events > 0, 2.0 * found / (events + alerts), np.nan),
            "false_alarms_per_hour": false_alarms / (normal_s / SECONDS_AN_HOUR),
        }
    return {
        name: resampled(
            float(values_B[0]), np.where(np.isfinite(values_B), values_B, np.nan)[1:], settings
        )
        for name, values_B in figures.items()
    }


def alarm_rate(outcomes: Sequence[VideoOutcome], confidence: float) -> tuple[float, float, float]:
    """Return false alarms an hour of normal footage and the exact interval; NaN without footage."""
    count, hours = sum(outcome.false_alarms for outcome in outcomes), normal_hours(outcomes)
    if hours == 0.0:
        return float("nan"), float("nan"), float("nan")
    low, high = poisson_interval(count, confidence)
    return count / hours, low / hours, high / hours


def normal_hours(outcomes: Sequence[VideoOutcome]) -> float:
    """Sum the footage outside events, in hours."""
    return sum(outcome.normal_s for outcome in outcomes) / SECONDS_AN_HOUR


def alert_share(outcomes: Sequence[VideoOutcome]) -> float:
    """Return the share of normal footage under an alert, 0 to 1; NaN without footage."""
    normal_s = sum(outcome.normal_s for outcome in outcomes)
    return sum(outcome.alerted_s for outcome in outcomes) / normal_s if normal_s else float("nan")


def poisson_interval(count: int, confidence: float) -> tuple[float, float]:
    """Return the exact interval (Garwood, 1936) of a Poisson mean after ``count`` events.

    Zero events still leave an upper bound: 3.69 at 95 %.
    """
    tail = (1.0 - confidence) / 2.0
    low = float(stats.chi2.ppf(tail, 2 * count)) / 2.0 if count else 0.0
    return low, poisson_bound(count, 1.0 - tail)


def poisson_bound(count: int, confidence: float) -> float:
    """Return the exact one-sided upper bound of a Poisson mean: 3.00 after no event, at 95 %."""
    return float(stats.chi2.ppf(confidence, 2 * count + 2)) / 2.0
