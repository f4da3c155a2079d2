"""Reads a source with one table of labels: ``labels.csv``, ``.tsv`` or ``.parquet``.

A row is an interval of a video, or, without times, a whole video. ``docs/data.md`` lists the names
of columns and the words for labels that are understood.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aislewatch.labels import classes
from aislewatch.labels.columns import Columns, find_columns, missing_columns
from aislewatch.labels.naming import VideoNames
from aislewatch.labels.problems import Problem
from aislewatch.labels.protocol import LabelRow, Labels, Video
from aislewatch.labels.reading import find_file, malformed
from aislewatch.labels.sheets import Sheet, read_sheet
from aislewatch.labels.times import read_seconds

FILES = ("labels.csv", "labels.tsv", "labels.parquet")

_DECIMAL = re.compile(r"\d{1,4}(?:[.,]\d*)?", re.ASCII)

SIDES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def read_labels(raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
    """Read the one table in ``raw/source``; see ``labels.ReadLabels``."""
    present = [path for name in FILES if (path := find_file(raw / source, name))]
    if len(present) != 1:
        fault = "there is more than one table" if present else "there is no table of labels"
        remedy = f"keep one of {', '.join(FILES)} in {source}/"
        place = (raw / source).as_posix()
        problem = Problem(place, None, "", "error", "one_table", fault, remedy)
        return Labels(problems=[problem], files=set(present))
    return read_table(present[0], raw, source, videos)


def read_table(path: Path, raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
    """Read one table of labels; the other arguments are those of ``labels.ReadLabels``."""
    sheet = read_sheet(path, lambda header: len(missing_columns(header)))
    if isinstance(sheet, Problem):
        return Labels(problems=[sheet], files={path})
    columns, problems = find_columns(sheet)
    if columns is None:
        return Labels(problems=problems, files={path})
    lengths = {len(cells) for _, cells in sheet.lines}
    if len(sheet.lines) > 1 and len(lengths) == 1 and len(sheet.header) not in lengths:
        # One cause, told once.
        fault = f"the header has {len(sheet.header)} names, every row {lengths.pop()} fields"
        problem = malformed(path, 1, fault, "give the header a name for each field")
        return Labels(problems=[*problems, problem], files={path})
    labels = Labels(problems=problems, files={path})
    table = _Table(sheet, columns, VideoNames(raw, source, videos), videos, labels)
    return table.read()


@dataclass(frozen=True)
class _Table:
    """Reads the rows of a sheet once, and fills ``labels``."""

    sheet: Sheet
    columns: Columns
    names: VideoNames
    videos: Mapping[str, Video]
    labels: Labels

    def read(self) -> Labels:
        whole: dict[str, list[LabelRow]] = {}
        values: dict[str, dict[str, set[str]]] = {name: {} for name in self.columns.others}
        for number, cells in self.sheet.lines:
            row = self._row(number, cells)
            if isinstance(row, Problem):
                self._fault(row)
                continue
            if self.columns.times and not self.columns.times.is_empty(cells):
                self.labels.rows.append(row)
            else:
                whole.setdefault(row.video, []).append(row)
            self._side(row, cells)
            for name, index in self.columns.others.items():
                values[name].setdefault(row.video, set()).add(cells[index])
        self._whole(whole)
        self._attributes(values)
        return self.labels

    def _row(self, number: int, cells: Sequence[str]) -> LabelRow | Problem:
        """Read a row, from 0 to the video's end if without times; or say why it is none."""
        file = self.sheet.path.as_posix()
        if len(cells) != len(self.sheet.header):
            fault = f"{len(cells)} fields instead of {len(self.sheet.header)}"
            remedy = "quote a field that holds the delimiter; give every row every column"
            return Problem(file, number, "", "error", "malformed", fault, remedy)
        video = self.names.find(file, number, cells[self.columns.video])
        if isinstance(video, Problem):
            return video
        written = cells[self.columns.label]
        label = classes.label_of(written)
        row = LabelRow(file, number, video, 0.0, self.videos[video].duration_s, label or "")
        if label is None:
            fault = f"unknown label {written!r}" if written else "no label"
            return row.problem("known_label", fault, classes.REMEDY)
        times = self.columns.times
        if times and not times.is_empty(cells):
            read = times.read(cells, self.videos[video])
            for column, advice in read.faults:
                fault = f"{self.sheet.names[column.index]} is {cells[column.index]!r}"
                self._fault(row.problem(f"{column.name}_number", fault, advice))
            if times.first.unit == "frames" and self.columns.rate is not None:
                self._compare_rates(row, cells[self.columns.rate])
            return replace(row, start_s=read.start_s, end_s=read.end_s)
        told = [f"{name} is {cells[i]!r}" for name, i in self.columns.doubtful.items() if cells[i]]
        if times and told:
            start, end = (self.sheet.names[c.index] for c in (times.first, times.second))
            fault = f"the row has no {start} and {end}, but {' and '.join(told)}"
            return row.problem("whole_video", fault, f"fill {start} and {end}, or empty the others")
        return row

    def _compare_rates(self, row: LabelRow, written: str) -> None:
        """Warn where frames were counted at another rate than the video's, by 1 % or more."""
        rate = self.videos[row.video].fps
        told = read_seconds(written) if _DECIMAL.fullmatch(written) else rate
        if abs(told - rate) >= rate / 100:
            fault = f"frames were counted at {told:g} a second, the video has {rate:.4g}"
            remedy = "take the file that was labelled, or give the times in seconds"
            self._fault(row.problem("frame_rate", fault, remedy, "warning"))

    def _side(self, row: LabelRow, cells: Sequence[str]) -> None:
        written = cells[self.columns.split].lower() if self.columns.split is not None else ""
        if not written:
            return
        side = SIDES.get(written)
        if side is None:
            fault, remedy = f"unknown side {written!r}", "write train, val or test"
            self._fault(row.problem("known_side", fault, remedy))
        elif self.labels.official.setdefault(row.video, side) != side:
            fault = f"the video is on {side}, and before on {self.labels.official[row.video]}"
            self._fault(row.problem("one_side", fault, "keep all of a video on one side"))

    def _whole(self, whole: Mapping[str, Sequence[LabelRow]]) -> None:
        timed = {row.video for row in self.labels.rows}
        for video, rows in whole.items():
            if video not in timed:
                self.labels.whole[video] = rows[0].label
            for row in rows:
                if video in timed:
                    fault = "a row without times, for a video that has rows with times"
                    remedy = "give it times, or keep one kind of row"
                    self._fault(row.problem("whole_video", fault, remedy))
                elif row.label != rows[0].label:
                    fault = f"{row.label}, but line {rows[0].row} says {rows[0].label}"
                    remedy = "keep one of the two, or give both their times"
                    self._fault(row.problem("whole_video", fault, remedy))

    def _attributes(self, values: Mapping[str, Mapping[str, set[str]]]) -> None:
        """Take columns with one value a video for its properties; the others are the intervals'."""
        for name in sorted(values):
            if all(len(found) == 1 for found in values[name].values()):
                for video, (value,) in values[name].items():
                    if value:
                        self.labels.attributes.setdefault(video, {})[name] = value

    def _fault(self, problem: Problem) -> None:
        self.labels.problems.append(problem)
