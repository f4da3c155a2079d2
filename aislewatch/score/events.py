"""What a guard would see: alerts on whole videos, against the annotated events.

Uses the same smoothing (`aislewatch.alerts`) and the same successive clips as detection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from aislewatch.labels.protocol import SHOPLIFTING
from aislewatch.labels.spans import Span, gaps, join
from aislewatch.score.alerts import Alert, AlertRule, raise_alerts
from aislewatch.score.clips import ScoredClip


@dataclass(frozen=True)
class VideoScores:
    """One video: its events (start, end in seconds) and its successive clips' scores.

    What happens in ``unlabeled`` parts nobody knows: an alert there is neither right nor wrong.
    """

    video: str
    duration_s: float
    events: tuple[tuple[float, float], ...]
    clips: tuple[ScoredClip, ...]
    unlabeled: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class VideoOutcome:
    """What the alerts of one video are worth.

    Events and alerts are matched one to one where they overlap in time, as many as possible. An
    alert that overlaps no event is a ``false_alarm``; one that overlaps an event which another
    alert found is a ``repeat``: a nuisance, counted against precision, but no false accusation.
    ``delays_s`` are, for each event found, the seconds from its beginning to the moment the alert
    was raised (negative where it was raised before). ``normal_s`` is footage outside
    events and unlabeled parts.
    """

    video: str
    events: int
    found: int
    alerts: int
    false_alarms: int
    repeats: int
    normal_s: float
    delays_s: tuple[float, ...]


def judge_alerts(videos: Sequence[VideoScores], rule: AlertRule) -> list[VideoOutcome]:
    """Smooth every video's scores and hold the alerts against its events."""
    return [_judge(video, raise_alerts(video.clips, rule)) for video in videos]


def _judge(video: VideoScores, alerts: Sequence[Alert]) -> VideoOutcome:
    alerts = [alert for alert in alerts if not _is_unknown(alert, video)]
    overlaps_AE = np.array(
        [[_overlaps(alert, event) for event in video.events] for alert in alerts], dtype=bool
    ).reshape(len(alerts), len(video.events))
    alert_of_E = match(overlaps_AE)
    delays = tuple(
        alerts[alert].raised_s - event[0]
        for event, alert in zip(video.events, alert_of_E.tolist(), strict=True)
        if alert >= 0
    )
    known = [Span(*part) for part in (*video.events, *video.unlabeled)]
    normal = gaps(known, video.duration_s, least_s=0.0)
    false_alarms = int((~overlaps_AE.any(axis=1)).sum())
    return VideoOutcome(
        video=video.video,
        events=len(video.events),
        found=len(delays),
        alerts=len(alerts),
        false_alarms=false_alarms,
        repeats=len(alerts) - false_alarms - len(delays),
        normal_s=sum(gap.end_s - gap.start_s for gap in normal),
        delays_s=delays,
    )


def match(
    overlaps_AE: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """The alert that found each event (E,), -1 where none did; no alert finds two."""
    if overlaps_AE.size == 0:
        return np.full(overlaps_AE.shape[1], -1, np.int32)
    found: np.ndarray[tuple[int], np.dtype[np.int32]] = maximum_bipartite_matching(
        csr_array(overlaps_AE.astype(np.int8)), perm_type="row"
    )
    return found


def events_of(
    annotations: pd.DataFrame, video: str, label: str = SHOPLIFTING
) -> tuple[tuple[float, float], ...]:
    """A video's intervals of a label, seconds, in order of time; overlapping ones joined."""
    chosen = annotations[(annotations["video"] == video) & (annotations["label"] == label)]
    times = zip(chosen["start_s"].tolist(), chosen["end_s"].tolist(), strict=True)
    return tuple((span.start_s, span.end_s) for span in join(Span(*pair) for pair in times))


def _is_unknown(alert: Alert, video: VideoScores) -> bool:
    """On no event, but on a part that nobody has judged."""
    return any(_overlaps(alert, part) for part in video.unlabeled) and not any(
        _overlaps(alert, event) for event in video.events
    )


def _overlaps(alert: Alert, event: tuple[float, float]) -> bool:
    return alert.start_s < event[1] and event[0] < alert.end_s
