"""Says what every reader of label files is given and returns.

A reader is a plain function in a file named after its layout. It looks at nothing but the label
files of one source and the facts of that source's videos; whether the rows make sense (inside the
video, long enough, no overlap) is checked for all layouts alike by ``checks``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aislewatch.frames.spans import Span, gaps
from aislewatch.frames.timing import PictureTimes
from aislewatch.labels.problems import Level, Problem


@dataclass(frozen=True)
class Video:
    """Holds what labels of a video are checked against.

    ``label`` is that of its class folder (``class_folders.camera_and_label``). ``times`` says when
    each picture of the original is shown: a label file that counts frames counts those pictures,
    the first of them 0, and not the frames of the store.
    """

    label: str
    times: PictureTimes

    @property
    def duration_s(self) -> float:
        """Return the second, on a player's clock, at which the video ends."""
        return self.times.end_s

    @property
    def fps(self) -> float:
        """Return the pictures a second, on average while there are any."""
        return self.times.rate

    def shown(self) -> list[Span]:
        """Return from and until when there are pictures, in order; at least one span."""
        return gaps([Span(*gap) for gap in self.times.gaps_s()], self.duration_s, least_s=0.0)


@dataclass(frozen=True)
class LabelRow:
    """Holds one interval of a label file, as written; a time that is no number is NaN.

    ``video`` is relative to ``data/raw``; ``start_s`` and ``end_s`` are seconds. Inside a video
    with rows, what is neither shoplifting nor unlabeled is normal; a clip that touches an
    ``unlabeled`` interval is not used.
    """

    file: str
    row: int | None
    video: str
    start_s: float
    end_s: float
    label: str

    def problem(self, rule: str, problem: str, remedy: str, level: Level = "error") -> Problem:
        """Report a fault of this row."""
        return Problem(self.file, self.row, self.video, level, rule, problem, remedy)


@dataclass(frozen=True)
class Labels:
    """Holds what the label files of one source say.

    ``whole`` is the label of a video of which no row speaks, from its beginning to its end; a video
    in neither is unlabeled. ``official`` is the side (train, val or test) on which the data set's
    authors put a video. ``attributes`` are further facts of a video by name: ``recording`` (the
    take it was cut from, equal in all sources that hold parts of it), ``camera``, or what a
    ``videos.csv`` names (store, day). ``files`` are those that were read, or should have been.
    """

    rows: list[LabelRow] = field(default_factory=list)
    whole: dict[str, str] = field(default_factory=dict)
    official: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)


class ReadLabels(Protocol):
    """Reads the label files of one layout; what is wrong becomes problems, never an exception."""

    def __call__(self, raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
        """Read ``raw/source``; ``videos`` are its footage by name relative to ``raw``."""
