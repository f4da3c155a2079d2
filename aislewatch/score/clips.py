"""Cuts a video into successive clips: where they start."""

from aislewatch.frames.stretches import FrameTimes


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


def clip_span(n_frames: int, step: int) -> int:
    """Count the store frames from a clip's first to its last, both included."""
    return (n_frames - 1) * step + 1
