"""Reads DCSASS: UCF-Crime's videos cut into 32 segments, each labelled 1 (the crime) or 0.

A ``.csv`` a class has no header and a line a segment: ``Shoplifting001_x264_9,Shoplifting,1``.
A segment of another crime is unlabeled where it shows it, else normal. What the data set itself has
wrong (lines without a label, a misspelt name, segments that are missing) is a warning.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED
from aislewatch.labels.problems import Level, Problem, some
from aislewatch.labels.protocol import Labels, Video
from aislewatch.labels.reading import list_files, malformed, read_lines
from aislewatch.labels.ucf_names import UcfName, ucf_name
from aislewatch.labels.videos_file import VIDEOS_FILE

SEGMENTS = 32

_REMEDY = "write lines as in Shoplifting001_x264_9,Shoplifting,1"
# As distributed, and as spreadsheets save it: semicolons, 1.0, empty cells at the end.
_LINE = re.compile(
    r"([^,;\t]+?)\s*[,;\t]\s*([A-Za-z]+)\s*[,;\t]\s*(?:([01])(?:[.,]0*)?)?[,;\t\s]*", re.ASCII
)
_EMPTY = re.compile(r"[,;\t\s]*|\"?sep=.\"?", re.IGNORECASE)


@dataclass(frozen=True)
class DcsassSegment:
    """Holds a line; ``label`` is None where the line has none."""

    file: str
    row: int
    name: UcfName
    label: str | None


@dataclass
class Segments:
    """Holds all lines by recording and number of the segment."""

    paths: set[Path] = field(default_factory=set)
    by_recording: dict[str, dict[int, DcsassSegment]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_labels(raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
    """Read the label files of ``raw/source``; see ``labels.ReadLabels``."""
    segments = read_segments(raw, source)
    labels = Labels(problems=segments.problems, files=segments.paths)
    place = (raw / source).as_posix()
    if not segments.paths:
        fault, remedy = "there is no label file of DCSASS", "put its Labels folder there"
        labels.problems.append(Problem(place, None, "", "error", "no_labels", fault, remedy))
    without: list[str] = []
    present: set[str] = set()
    for video in sorted(videos):
        name = ucf_name(video)
        lines = segments.by_recording.get(name.recording, {}) if name else {}
        line = lines.get(name.segment) if name and name.segment is not None else None
        if name:
            present.add(name.recording)
            labels.attributes[video] = dict(name.attributes)
        if line is None:
            without.append(video)
        elif line.label is None:
            remedy = "it stays unlabeled: write 0 or 1"
            labels.problems.append(_problem(line, "no_label", "no label", remedy, video))
        else:
            labels.whole[video] = line.label
    labels.problems.extend(_overview(place, segments, present, without))
    return labels


def read_segments(raw: Path, source: str) -> Segments:
    """Read every line of every label file of DCSASS below ``raw/source``."""
    segments = Segments()
    for path in list_files(raw, source, ".csv"):
        if path.name.lower() == VIDEOS_FILE:
            continue
        segments.paths.add(path)
        lines = read_lines(path)
        if isinstance(lines, Problem):
            segments.problems.append(lines)
            continue
        lines = [(row, text) for row, text in lines if not _EMPTY.fullmatch(text)]
        if lines and not any(_LINE.fullmatch(text) for _, text in lines):
            fault, remedy = "no line of it labels a segment", f"{_REMEDY}, or move the file away"
            segments.problems.append(malformed(path, None, fault, remedy))
            continue
        for row, text in lines:
            _read_line(path.as_posix(), row, text, segments)
    return segments


def _read_line(file: str, row: int, text: str, segments: Segments) -> None:
    parts = _LINE.fullmatch(text)
    name = ucf_name(parts[1]) if parts else None
    if parts is None or name is None or name.segment is None:
        fault = f"{text[:80]!r} names no segment; that segment stays unlabeled"
        problem = Problem(file, row, "", "warning", "malformed", fault, _REMEDY)
        segments.problems.append(problem)
        return
    segment = DcsassSegment(file, row, name, _label(name, parts[3] or ""))
    known = segments.by_recording.setdefault(name.recording, {})
    first = known.setdefault(name.segment, segment)
    if parts[2].lower() != (name.crime or "Normal").lower():
        fault, remedy = f"the class is {parts[2]}, not that in the name", "correct the line"
        segments.problems.append(_problem(segment, "known_label", fault, remedy, level="error"))
    elif first is not segment:
        same = first.label == segment.label
        fault = f"the same segment as line {first.row} of {first.file}"
        fault += "" if same else ", labelled otherwise"
        level: Level = "warning" if same else "error"
        segments.problems.append(
            _problem(segment, "repeated_row", fault, "remove one of the two", level=level)
        )


def _label(name: UcfName, written: str) -> str | None:
    if not written:
        return None
    shown = SHOPLIFTING if name.kind == SHOPLIFTING else UNLABELED
    return shown if written == "1" else NORMAL


def _problem(
    line: DcsassSegment,
    rule: str,
    fault: str,
    remedy: str,
    video: str = "",
    level: Level = "warning",
) -> Problem:
    return Problem(line.file, line.row, video, level, rule, fault, remedy)


def _overview(
    place: str, segments: Segments, present: set[str], without: list[str]
) -> Iterator[Problem]:
    """Report the gaps between the label files and the footage: one warning a kind."""
    for recording in sorted(present & set(segments.by_recording)):
        lines = segments.by_recording[recording]
        if missing := sorted(set(range(SEGMENTS)) - set(lines)):
            first = lines[min(lines)]
            fault = f"{recording} has no line for {len(missing)} of its {SEGMENTS} segments"
            remedy = f"add {recording}_x264_{missing[0]} if there is such a segment"
            yield _problem(first, "segments", fault, remedy)
    if without:
        fault = f"no line labels {some(without)}; they stay unlabeled"
        yield Problem(place, None, "", "warning", "no_label", fault, "add a line for each")
    if absent := sorted(set(segments.by_recording) - present):
        fault = f"{len(absent)} videos of the label files are not here: {some(absent)}"
        yield Problem(place, None, "", "warning", "absent", fault, "add them if you have them")
