"""Compares alerts on whole videos with the annotated events, as a guard would see them.

Uses the same engine (`aislewatch.alerts`) and the same successive clips as detection.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from aislewatch.alerts.clips import Alert, ScoredClip
from aislewatch.alerts.engine import raise_alerts
from aislewatch.alerts.rule import AlertRule
from aislewatch.config.judging import Evaluate
from aislewatch.frames.spans import SHOPLIFTING, Span, gaps, join


@dataclass(frozen=True)
class VideoScores:
    """One video: its events (start, end in seconds) and its successive clips' scores.

    What happens in ``unlabeled`` parts nobody knows: an alert there is neither right nor wrong.
    ``group`` names the recordings that the split keeps together, which share their luck; empty
    where the video is a recording by itself.
    """

    video: str
    duration_s: float
    events: tuple[tuple[float, float], ...]
    clips: tuple[ScoredClip, ...]
    unlabeled: tuple[tuple[float, float], ...] = ()
    group: str = ""


@dataclass(frozen=True)
class VideoOutcome:
    """What the alerts of one video are worth.

    An alert finds an event when it is raised inside it, or at most ``grace_s`` after its end; they
    are matched one to one, as many as possible. An alert raised elsewhere is a false alarm. Any
    alert is one more for every ``alarm_s`` of normal footage that it goes on into after the first:
    an alarm that never stops is not one alarm. A ``repeat`` is raised in an event that another
    alert found: a nuisance, counted against precision, but no false accusation. ``delays_s`` are,
    for each event found, the seconds from its beginning to its alert. ``normal_s`` is footage
    outside events and unlabeled parts, ``alerted_s`` how much of it lies under an alert.
    """

    video: str
    group: str
    events: int
    found: int
    alerts: int
    false_alarms: int
    repeats: int
    normal_s: float
    alerted_s: float
    delays_s: tuple[float, ...]


def judge_alerts(
    videos: Sequence[VideoScores], rule: AlertRule, settings: Evaluate
) -> list[VideoOutcome]:
    """Smooth every video's scores and hold the alerts against its events.

    Args:
        videos: scored from beginning to end.
        rule: which scores raise an alert.
        settings: ``grace_s`` and ``alarm_s``, seconds.
    """
    return [_judge(video, _alerts_of(video, rule), settings) for video in videos]


def _alerts_of(video: VideoScores, rule: AlertRule) -> list[Alert]:
    # No method raises an alert without a clip at the threshold: most videos at most thresholds.
    if all(clip.score < rule.threshold for clip in video.clips):
        return []
    return raise_alerts(video.clips, rule)


def _judge(video: VideoScores, raised: Sequence[Alert], settings: Evaluate) -> VideoOutcome:
    grace_s = settings.grace_s
    alerts = [alert for alert in raised if not _is_unknown(alert, video, grace_s)]
    finds_AE = np.array(
        [[_is_raised_in(alert, event, grace_s) for event in video.events] for alert in alerts],
        dtype=bool,
    ).reshape(len(alerts), len(video.events))
    alert_of_E = match(finds_AE)
    delays = tuple(
        alerts[alert].raised_s - event[0]
        for event, alert in zip(video.events, alert_of_E.tolist(), strict=True)
        if alert >= 0
    )
    known = (*video.events, *video.unlabeled)
    on_normal = [_on_normal(alert, known, settings) for alert in raised]
    in_an_event = int(finds_AE.any(axis=1).sum())
    normal = gaps([Span(*part) for part in known], video.duration_s, least_s=0.0)
    return VideoOutcome(
        video=video.video,
        group=video.group or video.video,
        events=len(video.events),
        found=len(delays),
        alerts=len(alerts),
        false_alarms=sum(false for false, _ in on_normal),
        repeats=in_an_event - len(delays),
        normal_s=sum(gap.end_s - gap.start_s for gap in normal),
        alerted_s=sum(alerted_s for _, alerted_s in on_normal),
        delays_s=delays,
    )


def match(
    finds_AE: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Find the alert that found each event (E,), -1 where none did; no alert finds two."""
    if min(finds_AE.shape) <= 1:
        # Nearly always; scipy's matrices cost 0.2 ms each, for every threshold that is tried.
        first_E = np.full(finds_AE.shape[1], -1, np.int32)
        for alert, event in np.argwhere(finds_AE)[:1]:
            first_E[event] = alert
        return first_E
    found: np.ndarray[tuple[int], np.dtype[np.int32]] = maximum_bipartite_matching(
        csr_array(finds_AE.astype(np.int8)), perm_type="row"
    )
    return found


def events_of(
    annotations: pd.DataFrame, video: str, label: str = SHOPLIFTING
) -> tuple[tuple[float, float], ...]:
    """List a video's intervals of a label, seconds, in order of time; overlapping ones joined."""
    chosen = annotations[(annotations["video"] == video) & (annotations["label"] == label)]
    times = zip(chosen["start_s"].tolist(), chosen["end_s"].tolist(), strict=True)
    return tuple((span.start_s, span.end_s) for span in join(Span(*pair) for pair in times))


def _is_raised_in(alert: Alert, part: tuple[float, float], grace_s: float) -> bool:
    return part[0] <= alert.raised_s <= part[1] + grace_s


def _is_unknown(alert: Alert, video: VideoScores, grace_s: float) -> bool:
    """Return whether it lies in no event, but in a part that nobody has judged."""
    return any(_is_raised_in(alert, part, grace_s) for part in video.unlabeled) and not any(
        _is_raised_in(alert, event, grace_s) for event in video.events
    )


def _on_normal(
    alert: Alert, known: Sequence[tuple[float, float]], settings: Evaluate
) -> tuple[int, float]:
    """Count an alert's false alarms, and its seconds on normal footage.

    A false alarm is each stretch of ``alarm_s`` begun there; a true alert has one free.
    """
    grace_s = settings.grace_s
    near = [
        (start, end)
        for start, end in known
        if start - grace_s <= alert.end_s and alert.start_s <= end + grace_s
    ]
    beyond_s = _outside(alert, [(start - grace_s, end + grace_s) for start, end in near])
    begun = math.ceil(beyond_s / settings.alarm_s)
    is_true = any(_is_raised_in(alert, part, grace_s) for part in near)
    false_alarms = max(0, begun - 1) if is_true else max(1, begun)
    return false_alarms, _outside(alert, near)


def _outside(alert: Alert, parts: Sequence[tuple[float, float]]) -> float:
    """Sum the seconds of an alert that none of the parts covers."""
    inside = [
        Span(max(start, alert.start_s), min(end, alert.end_s))
        for start, end in parts
        if start < alert.end_s and alert.start_s < end
    ]
    covered_s = sum(span.end_s - span.start_s for span in join(inside))
    return max(0.0, alert.end_s - alert.start_s - covered_s)
