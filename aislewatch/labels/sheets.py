"""Tables as people save them: text with any usual delimiter, or Parquet, as rows of text."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aislewatch.labels.problems import Problem
from aislewatch.labels.reading import malformed, read_file

# Where two serve a header equally, the first is it; a blank comes last as it also stands in names.
DELIMITERS = "\t;,|: "
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SAVE_AS = "save it as UTF-8 text with one delimiter, and quotes only around whole fields"


@dataclass(frozen=True)
class Sheet:
    """``header`` in lower case, words joined by ``_``, and as ``written``; ``lines`` are (row,
    stripped cells).

    A row is the line in a text file as an editor counts it, or that in a Parquet file were its
    header line 1.
    """

    path: Path
    header: list[str]
    written: str
    lines: list[tuple[int, list[str]]]


def read_sheet(path: Path, missing: Callable[[Sequence[str]], int]) -> Sheet | Problem:
    """Read a table, or say why it is none.

    Args:
        path: ``.parquet`` is read as such, all else as text.
        missing: how much a header lacks; the delimiter of a text is that which leaves it least.
    """
    content = read_file(path)
    if isinstance(content, Problem):
        return content
    if path.suffix.lower() == ".parquet":
        return _parquet(path, content)
    try:
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        return malformed(path, row, f"cannot be read: {error.reason}", _SAVE_AS)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = min(DELIMITERS, key=lambda d: missing(_header(_split(first, d))))
    return _delimited(path, text, delimiter)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.strip()], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _header(cells: Sequence[str]) -> list[str]:
    words = ("".join(c if c.isalnum() else " " for c in cell).lower().split() for cell in cells)
    return ["_".join(word) for word in words]


def _delimited(path: Path, text: str, delimiter: str) -> Sheet | Problem:
    lines = io.StringIO(text, newline="")
    # Blanks at a line's end are no field where blanks delimit.
    stripped = (line.strip(" \r\n") + "\n" for line in lines) if delimiter == " " else lines
    reader = csv.reader(stripped, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        read = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        return malformed(path, reader.line_num, f"is no table from here: {error}", _SAVE_AS)
    written = [(row, cells) for row, cells in read if any(cells)]
    header = written[0][1] if written else []
    return Sheet(path, _header(header), delimiter.join(header), written[1:])


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
    return Sheet(path, _header(names), ",".join(names), list(enumerate(rows, start=2)))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, timedelta):
        hours, rest = divmod(value.total_seconds(), 3600)
        return f"{hours:.0f}:{rest // 60:02.0f}:{rest % 60:09.6f}"
    return str(value).strip()
