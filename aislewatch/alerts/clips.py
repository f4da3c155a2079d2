"""Says what goes into the alert engine and what comes out of it."""

from dataclasses import dataclass

from aislewatch.frames.sources import NO_TRACK

# Left, top, right, bottom of a person, as shares of the picture, 0 to 1.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ScoredClip:
    """One of a video's successive clips: its time in the video, seconds, and its score, 0 to 1.

    ``track`` is the person whose score it is; -1 where a clip shows the whole picture, or nobody.
    """

    start_s: float
    end_s: float
    score: float
    track: int = NO_TRACK


@dataclass(frozen=True)
class Alert:
    """A stretch of a video, seconds, and the highest score of the clips that raised it.

    ``peak_s`` is the middle of the clip that has it, ``box`` where the person stood in it, where
    that is known. ``track`` is the person whose alert it is, or -1: the camera's. It is raised at
    ``raised_s``, the end of the clip that made the rule true: no earlier can anybody be told.
    """

    start_s: float
    raised_s: float
    end_s: float
    peak_score: float
    peak_s: float
    track: int
    box: Box | None = None
