"""Turns scores of successive clips into alerts: the paper's temporal smoothing.

"An alert is triggered only when the predicted probability of shoplifting remains consistently
above a threshold (e.g., 0.8) for multiple clips" (Inference Strategy); majority voting is the
paper's other choice. Evaluation, detection and live use call the same functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from pydantic import BaseModel, ConfigDict

from aislewatch.config.judging import Alerts, Method
from aislewatch.config.types import Count, Fraction, Positive
from aislewatch.score.clips import ScoredClip


class AlertRule(BaseModel):
    """Hold the rule that a model raises alerts by, as its operating.json freezes it.

    ``alerts`` of params.yaml with the threshold that validation chose, a score from 0 to 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    method: Method
    false_alarm_budget: Positive
    threshold: Fraction
    consecutive: Count
    window: Count


@dataclass(frozen=True)
class Alert:
    """A stretch of a video, seconds, and the highest score of the clips that raised it.

    ``peak_s`` is the middle of the clip that has it, ``track`` the person seen in it, or -1. It is
    raised at ``raised_s``, the end of the clip that made the rule true: no earlier can
    anybody be told.
    """

    start_s: float
    raised_s: float
    end_s: float
    peak_score: float
    peak_s: float
    track: int


def rule_at(asked: Alerts, threshold: float) -> AlertRule:
    """Return the rule that params.yaml asks for, at this threshold."""
    return AlertRule(
        method=asked.method,
        false_alarm_budget=asked.false_alarm_budget,
        threshold=threshold,
        consecutive=asked.consecutive,
        window=asked.window,
    )


def raise_alerts(clips: Sequence[ScoredClip], rule: AlertRule) -> list[Alert]:
    """Smooth the scores of one video's successive clips into alerts.

    ``consecutive``: every run of ``rule.consecutive`` clips at or above ``rule.threshold`` is a
    hit. ``majority``: a hit is where more than half of the last ``rule.window`` clips are; it
    reaches from the first of these to the last. Hits that overlap or touch become one alert.
    Across a gap in the recording no clip follows another.

    Args:
        clips: in order of time.
        rule: the threshold, and how many clips must reach it.

    Returns:
        Alerts in order of time; no two overlap or touch.

    Raises:
        ValueError: the clips are not in order of time.
    """
    if any(later.start_s <= earlier.start_s for earlier, later in pairwise(clips)):
        raise ValueError("clips must be in order of time, each starting after the one before")
    length, needed = _quorum(rule)
    above = [place for place, clip in enumerate(clips) if clip.score >= rule.threshold]
    runs = _runs(clips)
    alerts: list[Alert] = []
    first = 0
    # Only a clip above the threshold can complete a hit that reaches farther than those before.
    for last, place in enumerate(above):
        while above[first] <= place - length or runs[above[first]] != runs[place]:
            first += 1
        if last - first + 1 >= needed:
            _merge(alerts, _span([clips[recent] for recent in above[first : last + 1]]))
    return alerts


def clips_to_alert(rule: AlertRule) -> int:
    """Count the fewest successive clips that can raise an alert; a shorter video never does."""
    return _quorum(rule)[1]


def can_see(rule: AlertRule, event_s: float, clip_s: float, grace_s: float) -> bool:
    """Tell whether an event is long enough for an alert, wherever the clips happen to begin.

    A clip speaks of an event when it holds half of it, or is half filled by it. Of clips half their
    length apart, those that begin within max(clip, event) seconds do: two for the shortest event.
    As many as the rule needs must be there, and the last must end before the grace has passed.

    Args:
        rule: how many clips an alert needs.
        event_s: length of the event, seconds.
        clip_s: length of a clip, seconds.
        grace_s: seconds after the event's end within which an alert still finds it.
    """
    needed_s = clips_to_alert(rule) * clip_s / 2
    raised_s = needed_s + min(clip_s, event_s) / 2  # at the latest, after the event's beginning
    return needed_s <= max(clip_s, event_s) and raised_s <= event_s + grace_s


def rule_in_words(rule: AlertRule) -> str:
    """Describe the smoothing as a person says it, for reports."""
    if rule.method == "consecutive":
        return f"each of {rule.consecutive} clips in a row at or above {rule.threshold:g}"
    return f"more than half of {rule.window} clips in a row at or above {rule.threshold:g}"


def _runs(clips: Sequence[ScoredClip]) -> list[int]:
    """Number each clip's run of clips without a gap between them."""
    gaps = (later.start_s > earlier.end_s for earlier, later in pairwise(clips))
    return list(accumulate(gaps, initial=0))


def _quorum(rule: AlertRule) -> tuple[int, int]:
    """Return how many recent clips are looked at, and how many must be above the threshold."""
    if rule.method == "consecutive":
        return rule.consecutive, rule.consecutive
    return rule.window, rule.window // 2 + 1


def _span(above: Sequence[ScoredClip]) -> Alert:
    end_s = above[-1].end_s
    peak = max(above, key=lambda clip: clip.score)
    peak_s = (peak.start_s + peak.end_s) / 2
    return Alert(above[0].start_s, end_s, end_s, peak.score, peak_s, peak.track)


def _merge(alerts: list[Alert], hit: Alert) -> None:
    if alerts and hit.start_s <= alerts[-1].end_s:
        last = alerts.pop()
        highest = max(last, hit, key=lambda alert: alert.peak_score)
        hit = replace(highest, start_s=last.start_s, raised_s=last.raised_s, end_s=hit.end_s)
    alerts.append(hit)
