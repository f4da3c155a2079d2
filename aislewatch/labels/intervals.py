"""Reads the times of one row of a table into seconds."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from aislewatch.labels.protocol import Video
from aislewatch.labels.time_columns import TimeColumn
from aislewatch.labels.times import Unit, read_frame, to_seconds

# Where commas part the cells, this may be a decimal comma or one between thousands.
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+", re.ASCII)


@dataclass(frozen=True)
class TimeReader:
    """Reads the rows of one table.

    Args:
        first: column of the start.
        second: column of the end or the duration.
        commas: whether commas part the cells of the table.
    """

    first: TimeColumn
    second: TimeColumn
    commas: bool

    def read(self, cells: Sequence[str], video: Video) -> "RowTimes":
        """Read start and end; a time that cannot be read is NaN, and among the faults."""
        row = _Row(self, cells, video)
        start_s = row.bound(self.first)
        if self.second.bound != "duration":
            end_s = row.bound(self.second, is_end=True)
        elif self.second.unit == "frames":
            end_s = row.end_of_frames()
        else:
            end_s = start_s + row.bound(self.second)
        return RowTimes(start_s, end_s, row.faults)

    def is_empty(self, cells: Sequence[str]) -> bool:
        """Tell whether a row has no times."""
        filled = {index for index, cell in enumerate(cells) if cell}
        return not filled & {self.first.index, self.second.index}


@dataclass(frozen=True)
class RowTimes:
    """Holds start and end in seconds, and which columns hold no time with what to write there."""

    start_s: float
    end_s: float
    faults: list[tuple[TimeColumn, str]]


@dataclass(frozen=True)
class _Row:
    reader: TimeReader
    cells: Sequence[str]
    video: Video
    faults: list[tuple[TimeColumn, str]] = field(default_factory=list)

    def bound(self, column: TimeColumn, is_end: bool = False) -> float:
        """Read one cell into seconds."""
        written = self.cells[column.index]
        try:
            if self.reader.commas and _THOUSANDS.fullmatch(written):
                raise ValueError("write it with a decimal point and no comma")
            return self._seconds(written, column.unit or "time", is_end)
        except ValueError as error:
            self.faults.append((column, str(error)))
            return math.nan

    def end_of_frames(self) -> float:
        """Read a number of frames that begin with the start, and return the second they end at."""
        first, count = self.reader.first, self.reader.second
        try:
            last = read_frame(self.cells[first.index]) + read_frame(self.cells[count.index]) - 1
        except ValueError as error:
            if not self.faults:
                self.faults.append((count, str(error)))
            return math.nan
        return self._seconds(str(max(0, last)), "frames", is_end=True)

    def _seconds(self, written: str, unit: Unit, is_end: bool) -> float:
        return to_seconds(written, unit, self.video.times, is_end)
