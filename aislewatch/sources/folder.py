"""A source folder laid out by class: ``shoplifting/``, ``normal/`` and, if exact, ``events.csv``.

``data/raw/<source>/events.csv`` has the header ``video,start_s,end_s,label``; ``video`` is relative
to the source folder, times are seconds from the start of the video, the label is ``shoplifting``.
Nothing is corrected silently: every fault becomes a ``Problem`` with its row and what to do.
"""

import csv
import difflib
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from aislewatch.sources.problems import Level, Problem, footage_problem

EVENTS_FILE = "events.csv"
HEADER = ["video", "start_s", "end_s", "label"]
EVENT_LABEL = "shoplifting"

# Seconds by which two sums of decimal fractions may differ and still be meant as equal.
ROUNDING_S = 1e-9


@dataclass(frozen=True)
class LabelRow:
    """One row of a label file, as written; a time that is no number is NaN.

    ``video`` is relative to ``data/raw``; ``start_s`` and ``end_s`` are seconds.
    """

    file: str
    row: int
    video: str
    start_s: float
    end_s: float
    label: str

    def problem(self, rule: str, problem: str, remedy: str, level: Level = "error") -> Problem:
        """A fault of this row."""
        return Problem(self.file, self.row, self.video, level, rule, problem, remedy)


@dataclass(frozen=True)
class LabelFile:
    """What an events.csv says: its readable rows, and why the others are not."""

    rows: list[LabelRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Video:
    """What labels of a video are checked against: its folder's label and its length in seconds."""

    label: str
    duration_s: float


@dataclass(frozen=True)
class Limits:
    """``frame_s``: one frame of the store, the tolerance at a video's end; both in seconds."""

    frame_s: float
    min_event_s: float


def read_events(raw: Path, source: str) -> LabelFile | None:
    """Read ``raw/source/events.csv``; None where the source has none.

    A byte order mark, CRLF, blank lines and blanks around fields are accepted.
    """
    path = raw / source / EVENTS_FILE
    if not path.exists():
        return None
    where = path.as_posix()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        remedy = "save it as comma-separated UTF-8 text"
        return LabelFile(problems=[_file_problem(where, None, f"cannot be read: {error}", remedy)])
    written = [(row, cells) for row, cells in lines if any(cells)]
    if not written or written[0][1] != HEADER:
        seen = ",".join(written[0][1]) if written else "nothing"
        remedy = f"make {','.join(HEADER)} the first line, separated by commas"
        fault = f"the header is {seen!r}"
        return LabelFile(problems=[_file_problem(where, 1, fault, remedy)])
    return _parse(where, source, written[1:])


def _file_problem(file: str, row: int | None, problem: str, remedy: str) -> Problem:
    return Problem(file, row, "", "error", "malformed", problem, remedy)


def _parse(where: str, source: str, lines: Sequence[tuple[int, list[str]]]) -> LabelFile:
    labels = LabelFile()
    for row, cells in lines:
        if len(cells) != len(HEADER):
            fault = f"{len(cells)} fields instead of {len(HEADER)}"
            remedy = "quote a field that holds a comma; give every row video,start_s,end_s,label"
            labels.problems.append(_file_problem(where, row, fault, remedy))
            continue
        video, start, end, label = cells
        times = [_seconds(start), _seconds(end)]
        parsed = LabelRow(where, row, f"{source}/{video}", times[0], times[1], label)
        labels.rows.append(parsed)
        for name, text, value in zip(("start_s", "end_s"), (start, end), times, strict=True):
            if math.isnan(value):
                remedy = "write seconds from the start of the video, as in 12.5"
                fault = f"{name} is {text!r}, which is no number"
                labels.problems.append(parsed.problem(f"{name}_number", fault, remedy))
    return labels


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def check_labels(
    rows: Sequence[LabelRow], videos: Mapping[str, Video], quarantined: Set[str], limits: Limits
) -> list[Problem]:
    """Every fault of the rows of one events.csv, against the accepted and the refused videos.

    Args:
        rows: as ``read_events`` returned them.
        videos: the accepted videos of this source, by name.
        quarantined: names of the videos that ingest refused.
        limits: tolerance and shortest event.
    """
    problems = [p for row in rows for p in _check_row(row, videos, quarantined, limits)]
    return problems + list(_check_pairs(rows)) + list(_check_unlisted(rows, videos))


def _check_row(
    row: LabelRow, videos: Mapping[str, Video], quarantined: Set[str], limits: Limits
) -> Iterator[Problem]:
    if row.label != EVENT_LABEL:
        remedy = f"write {EVENT_LABEL}; videos without events belong in a normal/ folder"
        yield row.problem("known_label", f"unknown label {row.label!r}", remedy)
    if row.start_s < 0:
        yield row.problem("start_s_range", f"start_s {row.start_s:g} is negative", "start at 0")
    if row.start_s >= row.end_s:
        fault = f"start_s {row.start_s:g} is not before end_s {row.end_s:g}"
        yield row.problem("order", fault, "swap or correct the two times")
    elif row.end_s - row.start_s < limits.min_event_s - ROUNDING_S:
        fault = f"the event lasts {row.end_s - row.start_s:.3g} s"
        remedy = f"make it at least {limits.min_event_s:g} s (validate.min_event_s) or remove it"
        yield row.problem("event_length", fault, remedy)
    yield from _check_video(row, videos, quarantined, limits)


def _check_video(
    row: LabelRow, videos: Mapping[str, Video], quarantined: Set[str], limits: Limits
) -> Iterator[Problem]:
    if row.video in quarantined:
        remedy = "see data/quarantine.csv; repair the file or remove the row"
        yield row.problem("quarantined", "the video was refused by ingest", remedy, "warning")
        return
    video = videos.get(row.video)
    if video is None:
        close = difflib.get_close_matches(row.video, videos, n=1)
        hint = f"did you mean {close[0]}? Else add" if close else "add"
        fault = "there is no such video"
        yield row.problem("known_video", fault, f"{hint} the file or remove the row")
        return
    if video.label == "normal":
        fault = "an event in a video that stands in a normal/ folder"
        yield row.problem("normal_event", fault, "move the video to shoplifting/ or remove the row")
    if row.end_s > video.duration_s + limits.frame_s + ROUNDING_S:
        fault = f"end_s {row.end_s:g} is beyond the video's end at {video.duration_s:.3f} s"
        remedy = "correct the time; were frames counted at another rate?"
        yield row.problem("inside_video", fault, remedy)


def _check_pairs(rows: Sequence[LabelRow]) -> Iterator[Problem]:
    """Rows given twice, and events of one video that overlap."""
    timed = [row for row in rows if row.start_s < row.end_s]
    seen: dict[tuple[str, float, float], LabelRow] = {}
    latest: LabelRow | None = None
    for row in sorted(timed, key=lambda r: (r.video, r.start_s, r.end_s, r.row)):
        same_video = latest is not None and latest.video == row.video
        first = seen.setdefault((row.video, row.start_s, row.end_s), row)
        if first is not row:
            fault = f"the same event as line {first.row}"
            yield row.problem("repeated_row", fault, "remove one of the two")
        elif latest is not None and same_video and row.start_s < latest.end_s - ROUNDING_S:
            fault = f"overlaps the event of line {latest.row}, which ends at {latest.end_s:g} s"
            yield row.problem("overlap", fault, "join the two events or correct their times")
        if latest is None or not same_video or row.end_s > latest.end_s:
            latest = row


def _check_unlisted(rows: Sequence[LabelRow], videos: Mapping[str, Video]) -> Iterator[Problem]:
    listed = {row.video for row in rows}
    for name in sorted(videos):
        if videos[name].label == EVENT_LABEL and name not in listed:
            fault = f"its source has an {EVENTS_FILE}, but no row for this video"
            remedy = f"add its events, move it to normal/, or remove {EVENTS_FILE}"
            yield footage_problem(name, "has_interval", fault, remedy)
