"""Reads ``videos.csv``: properties of videos, beside the labels of any layout."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aislewatch.labels.columns import LABEL, TAKEN, VIDEO, is_one_of
from aislewatch.labels.naming import VideoNames
from aislewatch.labels.problems import Problem
from aislewatch.labels.protocol import Labels, Video
from aislewatch.labels.reading import find_file
from aislewatch.labels.sheets import Sheet, read_sheet
from aislewatch.labels.time_columns import time_column

VIDEOS_FILE = "videos.csv"


def add_properties(raw: Path, source: str, videos: Mapping[str, Video], labels: Labels) -> None:
    """Add what ``raw/source/videos.csv`` says to the videos' attributes; its values prevail.

    An empty cell says nothing. Columns are free but for ``video`` and those of the pipeline.
    """
    path = find_file(raw / source, VIDEOS_FILE)
    if path is None:
        return
    labels.files.add(path)
    sheet = read_sheet(path, lambda header: not _video_columns(header))
    if isinstance(sheet, Problem):
        labels.problems.append(sheet)
    elif faults := list(_header_faults(sheet)):
        labels.problems.extend(faults)
    else:
        labels.problems.extend(_unread_times(sheet))
        _read_rows(sheet, VideoNames(raw, source, videos), labels)


def _video_columns(header: Sequence[str]) -> list[str]:
    return [name for name in header if is_one_of(name, VIDEO)]


def _header_faults(sheet: Sheet) -> Iterator[Problem]:
    found = _video_columns(sheet.header)
    if len(found) != 1:
        fault = f"the columns {' and '.join(found)} mean the same" if found else "no column video"
        remedy = "make a header as in video,camera,day the first line, with one column video"
        yield sheet.problem(fault, remedy)
    for name in sorted(set(sheet.header) - {"", *found}):
        why = ""
        if name in TAKEN:
            why = "is written by validate"
        elif is_one_of(name, LABEL):
            why = "is not read here: labels belong into the source's label files"
        elif sheet.header.count(name) > 1:
            why = "stands twice"
        if why:
            yield sheet.problem(f"the column {name} {why}", "rename or remove it")


def _unread_times(sheet: Sheet) -> Iterator[Problem]:
    """Warn of a start and an end: here they are properties, and no event is read from them."""
    times = [column for i, name in enumerate(sheet.header) if (column := time_column(i, name))]
    if {"start"} < {column.bound for column in times}:
        names = " and ".join(column.name for column in times)
        fault = f"the columns {names} are properties of the videos here; no event is read from them"
        remedy = "write events into the source's label file; else rename the columns"
        yield sheet.problem(fault, remedy, "warning")


def _read_rows(sheet: Sheet, names: VideoNames, labels: Labels) -> None:
    file, seen = sheet.path.as_posix(), dict[str, int]()
    key = sheet.header.index(_video_columns(sheet.header)[0])
    for row, cells in sheet.lines:
        if len(cells) != len(sheet.header):
            fault = f"{len(cells)} fields instead of {len(sheet.header)}"
            remedy = "quote a field that holds the delimiter; give every row every column"
            labels.problems.append(Problem(file, row, "", "error", "malformed", fault, remedy))
            continue
        video = names.find(file, row, cells[key])
        if isinstance(video, Problem):
            labels.problems.append(video)
        elif (first := seen.setdefault(video, row)) != row:
            fault, remedy = f"the same video as line {first}", "remove one of the two"
            labels.problems.append(
                Problem(file, row, video, "error", "repeated_row", fault, remedy)
            )
        else:
            values = {name: cell for name, cell in zip(sheet.header, cells, strict=True) if name}
            del values[sheet.header[key]]
            told = {name: cell for name, cell in values.items() if cell}
            labels.attributes.setdefault(video, {}).update(told)
