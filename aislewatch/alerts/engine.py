"""Turns scores of successive clips into alerts, one clip at a time: evaluation, detection, live.

A pure state machine: it knows no clock, no camera and no file. What it says depends on the clips
alone, so a file and a stream of the same clips raise the same alerts.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from aislewatch.alerts.clips import Alert, Box, ScoredClip
from aislewatch.alerts.rule import AlertRule, clips_looked_at
from aislewatch.alerts.smoothing import Seen, evidence, mean_of


@dataclass(frozen=True)
class AlertChange:
    """What a clip did to an alert: it was ``raised``, ``extended`` or ``ended``.

    Every alert is raised once and ended once. Its ``track`` and ``raised_s`` never change, and no
    other alert of the engine has both: they tell whose change it is.
    """

    kind: Literal["raised", "extended", "ended"]
    alert: Alert


class AlertEngine:
    """Raises the alerts of one camera by a rule.

    Where clips name a track, each person's clips are smoothed by themselves and an alert is of one
    person; where they name none (-1), it is of the camera. Across a gap in the recording, where a
    clip begins after all before have ended, no clip follows another and no alert goes on. A person
    may be missing for as long as a clip lasts, hidden by a shelf or by somebody who scores higher
    where only the highest score of each clip is known.
    """

    def __init__(self, rule: AlertRule) -> None:
        self._rule = rule
        self._tracks: dict[int, _TrackClips] = {}
        self._now_s = float("-inf")
        self._until_s = float("-inf")  # the end of the footage so far

    def feed(self, clip: ScoredClip, box: Box | None = None) -> list[AlertChange]:
        """Take the next clip; return what it changed, in the order in which it happened.

        Args:
            clip: begins after the one before of its track, and no earlier than any clip before.
                Seconds count from any moment, but never jump back: monotonic time, or the video's.
            box: of the person in it.

        Raises:
            ValueError: the clip is not in order of time.
        """
        line = self._tracks.get(clip.track)
        if clip.start_s < self._now_s or (line and clip.start_s <= line.last.start_s):
            raise ValueError("clips must be in order of time, each starting after the one before")
        is_gap = clip.start_s > self._until_s
        self._now_s, self._until_s = clip.start_s, max(self._until_s, clip.end_s)
        changes: list[AlertChange] = []
        if is_gap or len(self._tracks) > (line is not None):
            changes = self._leave_behind(clip, is_gap)
        if line is None:
            line = self._tracks[clip.track] = _TrackClips(self._rule, clip)
        return changes + line.feed(clip, box)

    def close(self) -> list[AlertChange]:
        """End what goes on, where the footage ends; the engine begins anew afterwards."""
        changes = [change for line in self._tracks.values() for change in line.end()]
        self._tracks.clear()
        self._now_s = self._until_s = float("-inf")
        return changes

    def _leave_behind(self, clip: ScoredClip, is_gap: bool) -> list[AlertChange]:
        """End the alerts of people who are no longer seen, and forget them; of all at a gap."""
        changes: list[AlertChange] = []
        for track, line in list(self._tracks.items()):
            if is_gap or line.has_lost(clip):
                changes += line.reset()
                if track != clip.track and line.quiet_until_s < clip.start_s:
                    del self._tracks[track]
        return changes


class _TrackClips:
    """The successive clips of one person, or of the camera, and the alert that goes on in them."""

    def __init__(self, rule: AlertRule, first: ScoredClip) -> None:
        self._rule = rule
        self._recent: deque[Seen] = deque(maxlen=clips_looked_at(rule))
        self._mean = 0.0
        self._alert: Alert | None = None
        self._is_raised = False
        self._holds = False  # the rule, at the clip before: then the lower threshold is enough
        self.last = first
        self.quiet_until_s = float("-inf")

    def feed(self, clip: ScoredClip, box: Box | None) -> list[AlertChange]:
        changes = self.reset() if self.has_lost(clip) else []
        self.last = clip
        if clip.start_s <= self.quiet_until_s:
            return changes
        self._recent.append((clip, box))
        if self._rule.method == "mean":
            self._mean = mean_of([(clip, box)], self._rule, self._mean)
        limit = self._limit()
        if clip.score >= limit:
            found = evidence(self._recent, self._mean, self._rule, limit)
            if found:
                self._holds = True
                return changes + self._go_on(found)
        if self._alert:
            still = self._holds and evidence(self._recent, self._mean, self._rule, limit)
            self._holds = bool(still)
            if not self._holds and not self._can_go_on(self._alert):
                changes += self.end()
        return changes

    def has_lost(self, clip: ScoredClip) -> bool:
        """Tell whether whom this line follows was missing for longer than a clip lasts."""
        return clip.start_s - self.last.end_s > self.last.end_s - self.last.start_s

    def reset(self) -> list[AlertChange]:
        """End the alert that goes on; what comes next follows nothing."""
        changes = self.end()
        self._recent.clear()
        self._mean = 0.0
        return changes

    def end(self) -> list[AlertChange]:
        """End the alert that goes on; one that never became long enough was none."""
        alert, is_raised = self._alert, self._is_raised
        self._alert, self._is_raised, self._holds = None, False, False
        if alert is None or not is_raised:
            return []
        self.quiet_until_s = alert.end_s + self._rule.cooldown_s
        kept = [seen for seen in self._recent if seen[0].start_s > self.quiet_until_s]
        self._recent.clear()
        self._recent.extend(kept)
        self._mean = mean_of(kept, self._rule)
        return [AlertChange("ended", alert)]

    def _limit(self) -> float:
        return self._rule.threshold * (self._rule.end_share if self._holds else 1.0)

    def _go_on(self, found: Sequence[Seen]) -> list[AlertChange]:
        """Merge the clips that make the rule true into the alert, or begin one with them."""
        changes: list[AlertChange] = []
        hit = _alert_of(found, self._rule.longest_s)
        if self._alert and not self._joins(self._alert, hit):
            changes = self.end()
            # What is left of the clips after the alert and its cooldown may raise the next.
            left = evidence(self._recent, self._mean, self._rule, self._limit())
            if not left or left[-1] is not found[-1]:
                return changes
            self._holds = True
            hit = _alert_of(left, self._rule.longest_s)
        self._alert = _merged(self._alert, hit) if self._alert else hit
        if self._is_raised:
            return [*changes, AlertChange("extended", self._alert)]
        if self._alert.end_s - self._alert.start_s >= self._rule.shortest_s:
            self._is_raised = True
            self._alert = replace(self._alert, raised_s=self._alert.end_s)
            changes.append(AlertChange("raised", self._alert))
        return changes

    def _joins(self, alert: Alert, hit: Alert) -> bool:
        near = hit.start_s <= alert.end_s + self._rule.merge_s
        return near and hit.end_s - alert.start_s <= self._rule.longest_s

    def _can_go_on(self, alert: Alert) -> bool:
        """Tell whether clips that make the rule true later can still be near enough to it."""
        reach_s = alert.end_s + self._rule.merge_s
        # The oldest of a full window will be gone by then.
        kept = islice(self._recent, int(len(self._recent) == self._recent.maxlen), None)
        return self.last.start_s <= reach_s or any(
            clip.start_s <= reach_s and clip.score >= self._rule.threshold for clip, _ in kept
        )


def _alert_of(found: Sequence[Seen], longest_s: float) -> Alert:
    first, last = found[0][0], found[-1][0]
    peak, box = max(found, key=lambda seen: seen[0].score)
    peak_s = (peak.start_s + peak.end_s) / 2
    start_s = max(first.start_s, last.end_s - longest_s)
    return Alert(start_s, last.end_s, last.end_s, peak.score, peak_s, peak.track, box)


def _merged(alert: Alert, hit: Alert) -> Alert:
    highest = max(alert, hit, key=lambda one: one.peak_score)
    return replace(highest, start_s=alert.start_s, raised_s=alert.raised_s, end_s=hit.end_s)


def raise_alerts(clips: Sequence[ScoredClip], rule: AlertRule) -> list[Alert]:
    """Return the alerts of one video's clips, in order of time.

    Args:
        clips: in order of time.
        rule: the threshold, and how clips are smoothed.

    Raises:
        ValueError: the clips are not in order of time.
    """
    engine = AlertEngine(rule)
    changes = [change for clip in clips for change in engine.feed(clip)] + engine.close()
    ended = [change.alert for change in changes if change.kind == "ended"]
    return sorted(ended, key=lambda alert: (alert.start_s, alert.track))
