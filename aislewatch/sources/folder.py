"""A source folder laid out by class: ``shoplifting/``, ``normal/`` and, if exact, ``events.csv``.

``data/raw/<source>/events.csv`` has the header ``video,start_s,end_s,label``; ``video`` is relative
to the source folder, times are seconds from the start of the video, the label is ``shoplifting``.
Nothing is corrected silently: every fault becomes a ``Problem`` with its row and what to do.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aislewatch.sources.problems import Level, Problem

EVENTS_FILE = "events.csv"
HEADER = ["video", "start_s", "end_s", "label"]
EVENT_LABEL = "shoplifting"


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


def read_events(raw: Path, source: str) -> LabelFile | None:
    """Read ``raw/source/events.csv``; None where the source has none.

    A byte order mark, CRLF, blank lines and blanks around fields are accepted.
    """
    path = raw / source / EVENTS_FILE
    if not path.exists():
        return None
    where = path.as_posix()
    remedy = "save it as comma-separated UTF-8 text, with quotes only around whole fields"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        return LabelFile(problems=[_file_problem(where, None, f"cannot be read: {error}", remedy)])
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        fault = f"is no CSV from here: {error}"
        return LabelFile(problems=[_file_problem(where, reader.line_num, fault, remedy)])
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
