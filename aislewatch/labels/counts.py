"""Tells by a label tool's own count or length whether it was shown the video that is here."""

from aislewatch.labels.problems import Problem

# Frames, and one in how many, by which two decoders may differ about one video.
SPARE_FRAMES = 2
SPARE_PART = 100

# Seconds by which two programs may differ about one video's length: sound ends up to 0.3 s later
# than pictures in ordinary recordings, and a browser takes the later of the two.
SPARE_S = 1.0

OTHER_VIDEO = "take the file that was labelled; a copy at another rate or a part has other frames"


def spare_frames(counted: int) -> int:
    """Return by how many frames a count may differ."""
    return max(SPARE_FRAMES, counted // SPARE_PART)


def compare_frames(
    file: str, row: int | None, video: str, counted: tuple[int, int] | None, has: int
) -> Problem | None:
    """Report labels that speak of more frames than a video has, or of far fewer.

    Args:
        file: of labels.
        row: where it states its count.
        video: its name.
        counted: the fewest and the most frames that it may mean; None where it states none.
        has: the video's pictures.
    """
    if counted is None:
        return None
    fewest, most = counted
    if fewest - has > spare_frames(has):
        fault = f"{fewest} frames were labelled, the video has {has}: its times do not apply"
        return Problem(file, row, video, "error", "frame_count", fault, OTHER_VIDEO)
    if has - most > spare_frames(has):
        fault = f"the first {most} frames were labelled, the video has {has}; the rest is unlabeled"
        remedy = f"nothing, if the rest was left out by intent; else {OTHER_VIDEO}"
        return Problem(file, row, video, "warning", "frame_count", fault, remedy)
    return None


def compare_lengths(file: str, video: str, stated_s: float, has_s: float) -> Problem | None:
    """Warn of labels made on a video of another length."""
    if abs(stated_s - has_s) <= SPARE_S:
        return None
    fault = f"a video of {stated_s:.1f} s was labelled, this one has pictures until {has_s:.1f} s"
    remedy = f"nothing, if only its sound goes on for longer; else {OTHER_VIDEO}"
    return Problem(file, None, video, "warning", "length", fault, remedy)
