"""What a guard would see: alerts on the test videos, against the annotated events.

Uses the same smoothing (`aislewatch.alerts`) and the same successive clips as detection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from aislewatch.alerts import Alert, ScoredClip, clips_to_alert, raise_alerts
from aislewatch.config import Alerts

SECONDS_AN_HOUR = 3600.0


@dataclass(frozen=True)
class VideoScores:
    """One test video: its events (start, end in seconds) and its successive clips' scores."""

    video: str
    duration_s: float
    events: tuple[tuple[float, float], ...]
    clips: tuple[ScoredClip, ...]


@dataclass(frozen=True)
class AlertFigures:
    """Alert-level figures of one model; rates are per hour of one camera.

    A video is one of shoplifting when it has an event. An event is found when an alert overlaps
    it. A false alarm is an alert that overlaps no event; ``normal_hours`` is all footage outside
    events. ``too_short`` counts videos with fewer clips than an alert needs.
    """

    shoplifting_videos: int
    shoplifting_alerted: int
    normal_videos: int
    normal_alerted: int
    events: int
    events_found: int
    false_alarms: int
    normal_hours: float
    false_alarms_per_hour: float
    false_alarms_per_hour_low: float
    false_alarms_per_hour_high: float
    too_short: int


def alert_figures(videos: Sequence[VideoScores], rule: Alerts, confidence: float) -> AlertFigures:
    """Smooth every video's scores and hold the alerts against its events."""
    alerts = [raise_alerts(video.clips, rule) for video in videos]
    alerted = [(video, found) for video, found in zip(videos, alerts, strict=True) if found]
    false_alarms = sum(
        not any(_overlaps(alert, event) for event in video.events)
        for video, found in alerted
        for alert in found
    )
    events_found = sum(
        any(_overlaps(alert, event) for alert in found)
        for video, found in alerted
        for event in video.events
    )
    hours = sum(_normal_seconds(video) for video in videos) / SECONDS_AN_HOUR
    low, high = poisson_interval(false_alarms, confidence)
    shoplifting = sum(bool(video.events) for video in videos)
    shoplifting_alerted = sum(bool(video.events) for video, _ in alerted)
    return AlertFigures(
        shoplifting_videos=shoplifting,
        shoplifting_alerted=shoplifting_alerted,
        normal_videos=len(videos) - shoplifting,
        normal_alerted=len(alerted) - shoplifting_alerted,
        events=sum(len(video.events) for video in videos),
        events_found=events_found,
        false_alarms=false_alarms,
        normal_hours=hours,
        false_alarms_per_hour=_rate(false_alarms, hours),
        false_alarms_per_hour_low=_rate(low, hours),
        false_alarms_per_hour_high=_rate(high, hours),
        too_short=sum(len(video.clips) < clips_to_alert(rule) for video in videos),
    )


def poisson_interval(count: int, confidence: float) -> tuple[float, float]:
    """Exact (Garwood, 1936) interval of a Poisson mean after seeing ``count`` events.

    Zero events still leave an upper bound: 3.69 at 95 %.
    """
    tail = (1.0 - confidence) / 2.0
    low = float(stats.chi2.ppf(tail, 2 * count)) / 2.0 if count else 0.0
    high = float(stats.chi2.ppf(1.0 - tail, 2 * count + 2)) / 2.0
    return low, high


def events_of(annotations: pd.DataFrame, video: str) -> tuple[tuple[float, float], ...]:
    """A video's shoplifting intervals, seconds, in order of time; overlapping ones joined."""
    chosen = annotations[(annotations["video"] == video) & (annotations["label"] == "shoplifting")]
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted(zip(chosen["start_s"], chosen["end_s"], strict=True)):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], float(end_s)))
        else:
            joined.append((float(start_s), float(end_s)))
    return tuple(joined)


def _overlaps(alert: Alert, event: tuple[float, float]) -> bool:
    return alert.start_s < event[1] and event[0] < alert.end_s


def _normal_seconds(video: VideoScores) -> float:
    return max(0.0, video.duration_s - sum(end - start for start, end in video.events))


def _rate(count: float, hours: float) -> float:
    return count / hours if hours > 0.0 else float("nan")
