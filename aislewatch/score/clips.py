"""Cuts a video into successive clips: where they start, when they are, what they score."""

from collections.abc import Sequence
from dataclasses import dataclass

from aislewatch.frames.sources import NO_TRACK
from aislewatch.frames.stretches import FrameTimes


@dataclass(frozen=True)
class ScoredClip:
    """One of a video's successive clips: its time in the video, seconds, and its score, 0 to 1.

    ``track`` is the person whose score it is; -1 where a clip shows the whole picture, or nobody.
    """

    start_s: float
    end_s: float
    score: float
    track: int = NO_TRACK


def successive_starts(times: FrameTimes, n_frames: int, step: int) -> list[int]:
    """Return the frame indices at which the successive clips of a video start, half a clip apart.

    Half a clip: an action cut by the end of one clip lies whole in the middle of the next. The last
    clip of each stretch ends with it, less than half a clip after the one before, so that no frame
    goes unscored. No clip reaches over a gap in the recording.

    Args:
        times: of the video's frames in the store.
        n_frames: frames of a clip.
        step: store frames from one clip frame to the next.
    """
    span, stride = clip_span(n_frames, step), max(1, n_frames * step // 2)
    starts: list[int] = []
    for stretch in times.stretches:
        last = stretch.end - span
        starts += range(stretch.first, last, stride)
        if last >= stretch.first:
            starts.append(last)
    return starts


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


def clip_span(n_frames: int, step: int) -> int:
    """Count the store frames from a clip's first to its last, both included."""
    return (n_frames - 1) * step + 1
