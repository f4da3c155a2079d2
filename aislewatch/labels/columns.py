"""What the columns of a table of labels mean: decided by their names alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aislewatch.labels.problems import Level, Problem
from aislewatch.labels.sheets import Sheet
from aislewatch.labels.times import Unit

VIDEO = ("video", "video_name", "video_path", "file", "filename", "file_name", "file_path", "path")
LABEL = ("label", "class")
SPLIT = ("split", "subset")
TIMES: dict[tuple[str, str], Unit] = {
    ("start_s", "end_s"): "seconds",
    ("start", "end"): "seconds",
    ("start_seconds", "end_seconds"): "seconds",
    ("start_frame", "end_frame"): "frames",
    ("first_frame", "last_frame"): "frames",
    ("start_time", "end_time"): "clock",
}

# Characters of a header that a message quotes.
_QUOTED = 200

# Columns of data/videos.parquet that no table may fill.
TAKEN = frozenset({"video", "source", "official", "scene"})


@dataclass(frozen=True)
class Columns:
    """Where what stands in a row; ``times`` is None where the table has none.

    ``others`` are the remaining columns by name, which may tell properties of the videos.
    """

    video: int
    label: int
    times: tuple[int, int] | None
    unit: Unit
    split: int | None
    others: dict[str, int]


def missing_columns(header: Sequence[str]) -> list[str]:
    """Of the video and the label, what a header lacks: without them a table is none of labels."""
    return [names[0] for names in (VIDEO, LABEL) if not set(names) & set(header)]


def find_columns(sheet: Sheet) -> tuple[Columns | None, list[Problem]]:
    """The columns, or None where the header is no good; and what is wrong with it."""
    header = sheet.header
    if missing := missing_columns(header):
        fault = f"the header {sheet.written[:_QUOTED]!r} has no column {' and no '.join(missing)}"
        remedy = "make a header as in video,label,start_s,end_s the first line"
        return None, [_problem(sheet, fault, remedy)]
    faults = list(_ambiguous(sheet))
    pairs = [pair for pair in TIMES if set(pair) & set(header)]
    if len(pairs) == 1 and not set(pairs[0]) <= set(header):
        fault = f"of the columns {pairs[0][0]} and {pairs[0][1]} there is only one"
        faults.append(_problem(sheet, fault, "give both, in the same unit"))
    if faults:
        return None, faults
    used = {*VIDEO, *LABEL, *SPLIT, *(pairs[0] if pairs else ()), ""}
    columns = Columns(
        video=_where(header, VIDEO),
        label=_where(header, LABEL),
        times=(header.index(pairs[0][0]), header.index(pairs[0][1])) if pairs else None,
        unit=TIMES[pairs[0]] if pairs else "seconds",
        split=_where(header, SPLIT) if set(SPLIT) & set(header) else None,
        others={name: i for i, name in enumerate(header) if name not in used | TAKEN},
    )
    remedy = "rename it if it is a property of the videos"
    taken = [f"the column {name} is not used" for name in header if name in TAKEN - used]
    return columns, [_problem(sheet, fault, remedy, "warning") for fault in taken]


def _where(header: Sequence[str], names: Sequence[str]) -> int:
    return next(index for index, name in enumerate(header) if name in names)


def _ambiguous(sheet: Sheet) -> Iterator[Problem]:
    """Columns of which two say the same: two names of the video, a start in frames and seconds."""
    starts, ends = zip(*TIMES, strict=True)
    for names in (VIDEO, LABEL, SPLIT, starts, ends):
        found = [name for name in sheet.header if name in names]
        if len(found) > 1:
            fault = f"the columns {' and '.join(found)} mean the same"
            yield _problem(sheet, fault, "keep one of them, or give the others another name")


def _problem(sheet: Sheet, fault: str, remedy: str, level: Level = "error") -> Problem:
    return Problem(sheet.path.as_posix(), 1, "", level, "header", fault, remedy)
