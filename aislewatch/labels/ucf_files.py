"""Reads UCF-Crime's text files, in every spelling that circulates.

A line is a video's path, maybe its number of frames before or after the rest, and maybe its class
with the first and last frame of two events (-1 for none), apart by any blanks or tabs::

    Shoplifting001_x264.mp4  Shoplifting  1550  2000  -1  -1
    Shoplifting001_x264.mp4<TAB>Shoplifting<TAB>1550<TAB>2000<TAB>-1<TAB>-1<TAB>4344
    Shoplifting/Shoplifting001_x264.mp4 4344 Shoplifting 1550 2000 -1 -1
    Shoplifting/Shoplifting001_x264.mp4

The name of a file says which side of which split it lists.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from aislewatch.labels.problems import Problem
from aislewatch.labels.reading import list_files, malformed, read_lines
from aislewatch.labels.ucf_names import UcfName, ucf_name

_LINE = re.compile(
    r"(?P<path>[^\s,;]+)(?:\s+(?P<before>\d+))?"
    r"(?:\s+(?P<crime>[A-Za-z]+)(?P<frames>(?:\s+-?\d+){4})(?:\s+(?P<after>\d+))?)?",
    re.ASCII,
)
_TIMES = re.compile(r"temporal_anomaly_annotation")
_SIDE = re.compile(r"(?:anomaly|normal)_(train|test)|(train|test)_annotation")
_FOLD = re.compile(r"(train|test)_(\d+)\.txt")
_REMEDY = "write a line as in: Shoplifting001_x264.mp4  Shoplifting  1550  2000  -1  -1"


@dataclass(frozen=True)
class UcfEntry:
    """Holds a line with times; ``events`` are first and last frames, both included, from 0."""

    file: str
    row: int
    name: UcfName
    crime: str
    events: tuple[tuple[int, int], ...]


@dataclass
class UcfFiles:
    """Holds what all files of a source say, by recording.

    ``frames`` are the originals' numbers of frames, ``sides`` train or test of the anomaly
    detection split, ``folds`` the sides in each fold of the action recognition split.
    """

    paths: set[Path] = field(default_factory=set)
    entries: dict[str, list[UcfEntry]] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    sides: dict[str, str] = field(default_factory=dict)
    folds: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def recordings(self) -> set[str]:
        """List all that any file names."""
        in_folds = (recording for fold in self.folds.values() for recording in fold)
        return {*self.entries, *self.frames, *self.sides, *in_folds}


def read_ucf_files(raw: Path, source: str) -> UcfFiles:
    """Read every label file of UCF-Crime below ``raw/source``; other texts there are left alone."""
    files = UcfFiles()
    for path in list_files(raw, source, ".txt"):
        name = path.name.lower()
        listed = _SIDE.search(name)
        fold = _FOLD.fullmatch(name)
        if not (listed or fold or _TIMES.search(name)):
            continue
        files.paths.add(path)
        lines = read_lines(path)
        if isinstance(lines, Problem):
            files.problems.append(lines)
            continue
        sides: dict[str, str] = {}
        if listed:
            sides, side = files.sides, next(filter(None, listed.groups()))
        elif fold:
            sides, side = files.folds.setdefault(str(int(fold[2])), {}), fold[1]
        else:
            side = ""
        for row, text in lines:
            _read_line(path, row, text, files, sides, side)
    return files


def _read_line(
    path: Path, row: int, text: str, files: UcfFiles, sides: dict[str, str], side: str
) -> None:
    parts = _LINE.fullmatch(text)
    name = ucf_name(parts["path"]) if parts else None
    # A line of the lists may be a path alone.
    lacks_times = parts is not None and not parts["frames"] and _TIMES.search(path.name.lower())
    if parts is None or name is None or lacks_times:
        fault = f"{text[:80]!r} is no line of UCF-Crime"
        files.problems.append(malformed(path, row, fault, _REMEDY))
        return
    recording = name.recording
    if side and sides.setdefault(recording, side) != side:
        fault = f"{recording} is listed as {side}, and elsewhere as {sides[recording]}"
        remedy = "remove it from one of the lists"
        files.problems.append(Problem(path.as_posix(), row, "", "error", "one_side", fault, remedy))
    if counted := parts["before"] or parts["after"]:
        files.frames.setdefault(recording, int(counted))
    if parts["frames"]:
        first, last, first_2, last_2 = map(int, parts["frames"].split())
        pairs = ((first, last), (first_2, last_2))
        if any(min(pair) < 0 <= max(pair) for pair in pairs):
            fault = f"{text[:80]!r} has an event with one of its two frames"
            files.problems.append(malformed(path, row, fault, _REMEDY))
            return
        events = tuple(pair for pair in pairs if max(pair) >= 0)
        entry = UcfEntry(path.as_posix(), row, name, parts["crime"], events)
        files.entries.setdefault(recording, []).append(entry)
