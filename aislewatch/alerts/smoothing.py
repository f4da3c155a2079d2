"""Tells whether a rule is true at the newest of some successive clips, and by which of them."""

from collections.abc import Collection, Iterable
from statistics import median

from aislewatch.alerts.clips import Box, ScoredClip
from aislewatch.alerts.rule import AlertRule, clips_looked_at, clips_to_alert, weight

Seen = tuple[ScoredClip, Box | None]


def evidence(recent: Collection[Seen], mean: float, rule: AlertRule, limit: float) -> list[Seen]:
    """Return the clips at or above ``limit`` that make the rule true; none where it is not.

    Args:
        recent: at least one and at most ``clips_looked_at(rule)`` clips without a gap between them.
        mean: as ``mean_of`` returns it, of all clips since the last gap.
        rule: how clips are smoothed.
        limit: that the smoothed score is held against, 0 to 1.
    """
    above = [seen for seen in recent if seen[0].score >= limit]
    if rule.method == "median":
        absent = [0.0] * (clips_looked_at(rule) - len(recent))
        middle = median([*absent, *(clip.score for clip, _ in recent)])
        holds = middle >= limit and len(recent) >= clips_to_alert(rule)
    elif rule.method == "mean":
        holds = mean >= limit
    else:
        holds = len(above) >= clips_to_alert(rule)
    return above if holds else []


def mean_of(recent: Iterable[Seen], rule: AlertRule, before: float = 0.0) -> float:
    """Go on with the exponential mean over these clips; before the first clip it is 0."""
    for clip, _ in recent:
        before += weight(rule) * (clip.score - before)
    return before
