"""Scores the clips that wait, of all cameras together, and feeds each camera's alerts."""

import time
from collections.abc import Iterable
from datetime import datetime

from aislewatch.alerts.clips import ScoredClip
from aislewatch.models.scoring import BATCH
from aislewatch.watch.metrics import LiveMetrics
from aislewatch.watch.scorer import LiveModel
from aislewatch.watch.troubles import Troubles
from aislewatch.watch.watched import Listener, Watched
from aislewatch.watch.windows import LiveClip
from aislewatch.watch.zones import restricted

Batch = list[tuple[Watched, LiveClip]]


def take(watched: Iterable[Watched]) -> Batch:
    """Take clips that wait, one a camera in turn, so that no camera waits for another."""
    batch: Batch = []
    cameras = list(watched)
    while cameras and len(batch) < BATCH:
        taken = [(one, clip) for one in cameras if (clip := one.follower.clips.take())]
        cameras = [one for one, _ in taken]
        batch += taken
    return batch


class ClipScoring:
    """Scores batches of clips by every model.

    Args:
        models: the champion first.
        listener: told of alerts.
        metrics: of all cameras.
        troubles: told how late clips are scored.
    """

    def __init__(
        self,
        models: list[LiveModel],
        listener: Listener,
        metrics: LiveMetrics,
        troubles: Troubles,
    ) -> None:
        self._models, self._listener = models, listener
        self._metrics, self._troubles = metrics, troubles

    def score(self, batch: Batch, late_s: float) -> None:
        """Score a batch, and tell of the alerts that it begins, changes and ends.

        Args:
            batch: clips, each with its camera.
            late_s: seconds from capture to score above which a clip is late.
        """
        begun_s = time.monotonic()
        at = datetime.now().time()
        clips = [restricted(clip, one.camera) for one, clip in batch]
        scores = [model.score(clips) for model in self._models]
        now_s = time.monotonic()
        self._metrics.batches.observe(len(batch))
        self._metrics.scoring.inc(now_s - begun_s)
        for number, (one, _) in enumerate(batch):
            clip = clips[number]
            self._note_lateness(one, now_s - clip.captured_s, late_s, now_s)
            one.facts.scored += 1
            is_watched = one.camera.is_watched(at)
            for model, alerts, scored in zip(self._models, one.alerts, scores, strict=True):
                score = scored[number]
                scored_clip = ScoredClip(clip.start_s, clip.end_s, score.score, score.track)
                one.scores[model.version].append((clip.session, scored_clip))
                changes = alerts.feed(clip, score) if is_watched else alerts.close()
                for change in changes:
                    one.facts.alerts += change.change.kind == "raised" and model is self._models[0]
                    self._listener.tell(one, model, change)

    def _note_lateness(self, one: Watched, late_s: float, limit_s: float, now_s: float) -> None:
        self._metrics.lateness.observe(late_s)
        one.facts.late_s, one.facts.is_late = late_s, late_s > limit_s
        self._troubles.note_lateness(one, limit_s, now_s)
