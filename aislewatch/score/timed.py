"""Puts the scores of a video's successive clips into seconds, as the alert engine takes them."""

from collections.abc import Sequence

from aislewatch.alerts.clips import ScoredClip
from aislewatch.frames.sources import NO_TRACK
from aislewatch.frames.stretches import FrameTimes
from aislewatch.score.clips import clip_span


def timed_clips(
    starts: Sequence[int],
    scores: Sequence[float],
    n_frames: int,
    step: int,
    times: FrameTimes,
    tracks: Sequence[int] | None = None,
) -> tuple[ScoredClip, ...]:
    """Return a video's clips in seconds, from their first frames in the store.

    ``tracks`` says whose each score is; None: of the whole picture.
    """
    span = clip_span(n_frames, step)
    whose = [NO_TRACK] * len(starts) if tracks is None else tracks
    return tuple(
        ScoredClip(times.shown_from(start), times.shown_until(start + span), float(score), track)
        for start, score, track in zip(starts, scores, whose, strict=True)
    )
