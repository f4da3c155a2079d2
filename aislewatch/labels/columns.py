"""Decides by the names of a table's columns what they mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aislewatch.labels.intervals import TimeReader
from aislewatch.labels.problems import Problem
from aislewatch.labels.sheets import Sheet
from aislewatch.labels.time_columns import hints_at_a_bound, may_be_times, time_column

VIDEO = ("video", "video_name", "video_path", "file", "filename", "file_name", "file_path", "path")
LABEL = ("label", "class")
SPLIT = ("split", "subset")
RATE = ("fps", "frame_rate")

# Characters of a header that a message quotes.
_QUOTED = 200

# Columns of data/labels/videos.parquet that no table may fill.
TAKEN = frozenset({"video", "source", "official", "scene"})

RENAME = (
    "rename times to start_s and end_s (seconds), start_ms and end_ms, start_frame and end_frame, "
    "or start_time and end_time (hh:mm:ss)"
)


@dataclass(frozen=True)
class Columns:
    """Holds the place in a row of what a table says.

    ``times`` reads them; None where the table has none. ``others`` are the remaining columns by
    name, which may tell properties of the videos; ``doubtful`` those of them that seem to be a
    start or end, too. ``rate`` is that at which frames were counted.
    """

    video: int
    label: int
    times: TimeReader | None
    split: int | None
    others: dict[str, int]
    doubtful: dict[str, int]
    rate: int | None


def is_one_of(name: str, names: Sequence[str]) -> bool:
    """Tell whether a column's name is one of these, with or without ``_`` between words."""
    return name in names or name in {other.replace("_", "") for other in names}


def missing_columns(header: Sequence[str]) -> list[str]:
    """List what a header lacks of video and label: without them a table is none of labels."""
    return [
        names[0] for names in (VIDEO, LABEL) if not any(is_one_of(name, names) for name in header)
    ]


def find_columns(sheet: Sheet) -> tuple[Columns | None, list[Problem]]:
    """Find the columns, or None where the header is no good; and list what is wrong with it."""
    header = sheet.header
    if missing := missing_columns(header):
        written = (sheet.delimiter or ",").join(sheet.names)[:_QUOTED]
        fault = f"the header {written!r} has no column {' and no '.join(missing)}"
        remedy = "make a header as in video,label,start_s,end_s the first line"
        return None, [sheet.problem(fault, remedy)]
    faults = list(_ambiguous(sheet))
    found = _find_times(sheet)
    times = found if isinstance(found, TimeReader) else None
    if isinstance(found, Problem):
        faults.append(found)
    if faults:
        return None, faults
    used = _named(header)
    if times:
        used |= {times.first.index, times.second.index}
    others = {
        name: i for i, name in enumerate(header) if i not in used and name not in TAKEN | {""}
    }
    # Which of two columns of one name is meant, nobody can tell.
    twice = sorted(name for name in others if header.count(name) > 1)
    others = {name: i for name, i in others.items() if name not in twice}
    columns = Columns(
        video=_where(header, VIDEO),
        label=_where(header, LABEL),
        times=times,
        split=_where(header, SPLIT) if _has(header, SPLIT) else None,
        others=others,
        doubtful={name: index for name, index in others.items() if hints_at_a_bound(name)},
        rate=_where(header, RATE) if _has(header, RATE) else None,
    )
    empty = times is None or all(times.is_empty(cells) for _, cells in sheet.lines)
    if empty and (problem := _untold_times(sheet, used)):
        return None, [problem]
    taken = [name for i, name in enumerate(header) if name in TAKEN and i not in used]
    remedy = "rename it if it is a property of the videos"
    unused = [(f"the column {name} is not used", remedy) for name in taken]
    unused += [(f"the column {name} stands twice, and is not used", "keep one") for name in twice]
    return columns, [sheet.problem(*told, "warning") for told in unused]


def _named(header: Sequence[str]) -> set[int]:
    return {index for index, name in enumerate(header) if is_one_of(name, (*VIDEO, *LABEL, *SPLIT))}


def _has(header: Sequence[str], names: Sequence[str]) -> bool:
    return any(is_one_of(name, names) for name in header)


def _where(header: Sequence[str], names: Sequence[str]) -> int:
    return next(index for index, name in enumerate(header) if is_one_of(name, names))


def _ambiguous(sheet: Sheet) -> Iterator[Problem]:
    """Report columns of which two say the same, as two names of the video."""
    for names in (VIDEO, LABEL, SPLIT):
        found = [i for i, name in enumerate(sheet.header) if is_one_of(name, names)]
        if len(found) > 1:
            yield _same(sheet, found)


def _same(sheet: Sheet, places: Sequence[int]) -> Problem:
    fault = f"the columns {' and '.join(sheet.names[i] for i in places)} mean the same"
    return sheet.problem(fault, "keep one of them, or give the others another name")


def _find_times(sheet: Sheet) -> TimeReader | Problem | None:
    """Find the columns of the start and of the end or duration; None where there are none.

    Where both bounds are given, a duration tells nothing more. ``offset`` is an end beside an onset
    and the start beside a duration.
    """
    found = [column for i, name in enumerate(sheet.header) if (column := time_column(i, name))]
    starts = [column for column in found if column.bound == "start"]
    ends = [column for column in found if column.bound == "end"]
    lengths = [column for column in found if column.bound == "duration"]
    if not starts and lengths and [column.name for column in ends] == ["offset"]:
        starts, ends = ends, []
    for several in (starts, ends, [] if ends else lengths):
        if len(several) > 1:
            return _same(sheet, [column.index for column in several])
    if not starts and not ends:
        return None  # A duration alone may be that of the video.
    if not starts or not (ends or lengths):
        [column] = starts or ends
        missing = "end" if starts else "start"
        fault = f"there is the column {sheet.names[column.index]}, and none of the {missing}"
        if others := _may_be_times(sheet, {column.index, *_named(sheet.header)}):
            fault += f", though {' and '.join(others)} may hold times"
        return sheet.problem(fault, f"give both in the same unit; {RENAME}")
    first, second = starts[0], (ends or lengths)[0]
    units = {first.unit, second.unit}
    if None in units or (len(units) > 1 and units != {"time", "seconds"}):
        names = f"{sheet.names[first.index]} and {sheet.names[second.index]}"
        fault = f"the columns {names} are not in one unit that is understood"
        return sheet.problem(fault, RENAME)
    return TimeReader(first, second, commas=sheet.delimiter == ",")


def _untold_times(sheet: Sheet, used: set[int]) -> Problem | None:
    """Report columns that may be times, in a table that would else speak of whole videos only."""
    found = _may_be_times(sheet, used)
    if not found:
        return None
    fault = f"{' and '.join(found)} may hold times, but no name of a column is understood as that "
    fault += "of a start and an end; without times every row would label the whole of its video"
    return sheet.problem(fault, f"{RENAME}; move what is no time to a videos.csv")


def _may_be_times(sheet: Sheet, used: set[int]) -> list[str]:
    """Name the columns that may hold times, but for those at the places ``used``."""
    found = []
    for index, name in enumerate(sheet.header):
        values = {cells[index] for _, cells in sheet.lines if index < len(cells)} - {""}
        counts = index == 0 and not name and _counts(sheet)
        if index not in used and not counts and may_be_times(name, values):
            found.append(sheet.names[index] or f"column {index + 1}, which has no name,")
    return found


def _counts(sheet: Sheet) -> bool:
    """Tell whether the first column only numbers the rows, as pandas writes its index."""
    first = [cells[0] for _, cells in sheet.lines if cells]
    return any(first == [str(n + at) for n in range(len(first))] for at in (0, 1))
