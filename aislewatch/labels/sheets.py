"""Reads tables as people save them, text with any usual delimiter or Parquet, into rows of text."""

import csv
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aislewatch.labels.problems import Level, Problem
from aislewatch.labels.reading import malformed, read_file, read_text

# Where two serve a header equally, the first is it; a blank comes last as it also stands in names.
DELIMITERS = "\t;,|: "
_SAVE_AS = "save it as UTF-8 text with one delimiter, and quotes only around whole fields"

# The line by which Excel is told the delimiter; other programs write it into their files, too.
_SEPARATOR = re.compile(rf'"?sep=([{DELIMITERS}])"?', re.IGNORECASE)


@dataclass(frozen=True)
class Sheet:
    """Holds a table of text.

    ``header`` is in lower case with words joined by ``_``, ``names`` are as they stand in the file.
    ``lines`` are (row, stripped cells). A row is the line in a text file as an editor counts it, or
    that in a Parquet file were its header line 1. Empty cells behind the last column are dropped.
    """

    path: Path
    header: list[str]
    names: list[str]
    row: int
    delimiter: str
    lines: list[tuple[int, list[str]]]

    def problem(self, fault: str, remedy: str, level: Level = "error") -> Problem:
        """Report a fault of the header."""
        return Problem(self.path.as_posix(), self.row, "", level, "header", fault, remedy)


def read_sheet(path: Path, missing: Callable[[Sequence[str]], int]) -> Sheet | Problem:
    """Read a table, or say why it is none.

    Args:
        path: ``.parquet`` is read as such, all else as text.
        missing: how much a header lacks; the delimiter of a text is that which leaves it least.
    """
    if path.suffix.lower() == ".parquet":
        content = read_file(path)
        return content if isinstance(content, Problem) else _parquet(path, content)
    text = read_text(path, _SAVE_AS)
    if isinstance(text, Problem):
        return text
    lines = (line for line in text.splitlines() if line.strip())
    first = next(lines, "")
    told = _SEPARATOR.match(first)
    header = next(lines, "") if told else first
    candidates = f"{told[1] if told else ''}{DELIMITERS}"
    delimiter = min(candidates, key=lambda d: missing(_header(_split(header, d))))
    return _delimited(path, text, delimiter, skipped=1 if told else 0)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.strip()], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _header(cells: Sequence[str]) -> list[str]:
    words = ("".join(c if c.isalnum() else " " for c in cell).lower().split() for cell in cells)
    return ["_".join(word) for word in words]


def _delimited(path: Path, text: str, delimiter: str, skipped: int) -> Sheet | Problem:
    """Split a text; the first ``skipped`` lines that are not empty are no part of the table."""
    lines = io.StringIO(text, newline="")
    # Blanks at a line's end are no field where blanks delimit.
    stripped = (line.strip(" \r\n") + "\n" for line in lines) if delimiter == " " else lines
    reader = csv.reader(stripped, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        read = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        return malformed(path, reader.line_num, f"is no table from here: {error}", _SAVE_AS)
    written = [(row, cells) for row, cells in read if any(cells)][skipped:]
    row, names = written[0] if written else (1, [])
    names = _shortened(names, 0)
    body = [(number, _shortened(cells, len(names))) for number, cells in written[1:]]
    return Sheet(path, _header(names), names, row, delimiter, body)


def _shortened(cells: list[str], least: int) -> list[str]:
    """Drop empty cells at the end, as far as ``least`` cells are left."""
    filled = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
    return cells[: max(filled, least)]


def _parquet(path: Path, content: bytes) -> Sheet | Problem:
    try:
        table = pq.read_table(pa.BufferReader(content))
        columns = [column.to_pylist() for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return malformed(path, None, f"is no Parquet table: {reason}", "write the file again")
    cells = [[_text(value) for value in column] for column in columns]
    rows = list(map(list, zip(*cells, strict=True)))
    names = table.column_names
    return Sheet(path, _header(names), names, 1, "", list(enumerate(rows, start=2)))


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, timedelta):
        hours, rest = divmod(value.total_seconds(), 3600)
        return f"{hours:.0f}:{rest // 60:02.0f}:{rest % 60:09.6f}"
    return str(value).strip()
