"""Reads from the name of a column whether it holds times: of which bound, and in which unit.

A name is understood where all of it is words of the tables below, in any order, case and spelling
(``start_s``, ``StartTime``, ``Begin Time - ss.msec``, ``time_end [ms]``). One that only holds such
a word may be a time, so that nobody may take its table for one without times.
"""

import re
from dataclasses import dataclass
from typing import Literal

from aislewatch.labels.times import Unit

Bound = Literal["start", "end", "duration"]

BOUNDS: dict[str, Bound] = {
    **dict.fromkeys(("start", "begin", "onset", "from", "first", "t0"), "start"),
    **dict.fromkeys(("end", "stop", "offset", "to", "last", "until", "t1"), "end"),
    **dict.fromkeys(("duration", "dur", "length"), "duration"),
}
UNITS: dict[str, Unit] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "ss_msec"), "seconds"),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), "milliseconds"),
    **dict.fromkeys(("frame", "frames"), "frames"),
    **dict.fromkeys(("t", "time", "timestamp", "timecode"), "time"),
    **dict.fromkeys(("hh_mm_ss_ms", "hh_mm_ss", "mm_ss", "hms"), "time"),
}
# Units in which nobody should have to count on: a message says what to write instead.
COARSE = ("min", "mins", "minute", "minutes", "h", "hour", "hours")
# Words that change nothing, and those that do so only beside "frame".
_BESIDES = ("event", "label", "annotation", "segment", "clip", "action", "temporal", "at", "in")
_COUNTED = ("number", "no", "nr", "index", "idx", "id")

_KNOWN = {word.replace("_", ""): word for word in (*BOUNDS, *UNITS, *COARSE, *_BESIDES, *_COUNTED)}
# Letters of a name that is still looked at: twice those of the longest that we met.
_LONGEST = 48
_LONGEST_FIRST = sorted(_KNOWN, key=len, reverse=True)

# Words of numbers that are no times, though a time may be counted with them: ``n_frames``, ``fps``.
_TOTALS = {"n", "num", "count", "total", "rate", "fps", "video", "original", "nframes", "framerate"}
# Words of a column that may hold times under a name that is not understood.
_HINTS = {"when", "interval", "range", "span", "period", "moment", "tc", "timing", "times"}
_HINTS |= {"in", "out"}
_HINTS |= {*BOUNDS, *UNITS, *COARSE} - {"s", "h"}
# The same within a longer word, as in "Startzeit".
_PARTS = re.compile(r"start|begin|onset|offset|frame|duration|second|millis|timestamp|timecode")
# Words of columns of numbers that are surely no times.
_HARMLESS = {
    "id",
    "no",
    "nr",
    "number",
    "index",
    "idx",
    "row",
    "fold",
    "unnamed",
    "scene",
    "source",
}
_HARMLESS |= {"camera", "cam", "store", "shop", "till", "floor", "lane", "aisle"}
_HARMLESS |= {"day", "date", "week", "weekday", "month", "year", "persons", "people"}
_HARMLESS |= {"width", "height", "size", "x", "y", "w", "h", "x1", "x2", "y1", "y2", "score"}
_HARMLESS |= {"xmin", "xmax", "ymin", "ymax", "confidence", "probability"}

# What numbers, clocks and ranges of them are written with; a date is none.
_NUMERIC = re.compile(r"[\s\d.,:;/()\[\]+–-]*\d[\s\d.,:;/()\[\]+–-]*(?:m?s|sec|min|h)?\.?", re.I)
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4}")


@dataclass(frozen=True)
class TimeColumn:
    """Describes a column of times; ``unit`` is None where nobody counts in it."""

    index: int
    name: str
    bound: Bound
    unit: Unit | None


def time_column(index: int, name: str) -> TimeColumn | None:
    """Understand a name; None where a word of it is none of a time.

    Args:
        index: place of the column.
        name: in lower case, words joined by ``_``.
    """
    letters = name.replace("_", "")
    words = _words(letters) if len(letters) <= _LONGEST else []
    bounds = [word for word in words if word in BOUNDS]
    if len(bounds) > 1:  # "time from start"
        bounds = [word for word in bounds if word not in ("from", "to")]
    units: set[Unit | None] = {UNITS[word] for word in words if word in UNITS}
    if any(word in COARSE for word in words):
        units.add(None)
    if len(units) > 1:
        units.discard("time")
    if len(bounds) != 1 or len(units) > 1:
        return None
    unit = units.pop() if units else "time"
    frames_only = bounds[0] in ("first", "last") or any(word in _COUNTED for word in words)
    if frames_only and unit != "frames":
        return None
    return TimeColumn(index, name, BOUNDS[bounds[0]], unit)


def _words(letters: str) -> list[str]:
    """Cut a name into known words; empty where that cannot be done."""
    if letters in _KNOWN:
        return [_KNOWN[letters]]
    for word in _LONGEST_FIRST:
        if letters.startswith(word) and (rest := _words(letters[len(word) :])):
            return [_KNOWN[word], *rest]
    return []


def hints_at_a_bound(name: str) -> bool:
    """Tell whether a name has the word of a start or end in it, whatever else it has."""
    return bool(set(name.split("_")) & set(BOUNDS) - {"to", "from", "length", "duration"})


def hints_at_times(name: str) -> bool:
    """Tell whether a name has a word of times in it, and does not count them, as ``n_frames``."""
    words = set(name.split("_"))
    if hints_at_a_bound(name):
        return True
    return not words & _TOTALS and bool(words & _HINTS or _PARTS.search(name))


def may_be_times(name: str, values: set[str]) -> bool:
    """Tell whether a column may hold times: by its name, or else because all it holds is numbers.

    Args:
        name: in lower case, words joined by ``_``.
        values: what stands in it, without empty cells.
    """
    if not values:
        return False
    if hints_at_times(name):
        return True
    if set(name.split("_")) & (_HARMLESS | _TOTALS):
        return False
    return all(_NUMERIC.fullmatch(value) and not _DATE.fullmatch(value) for value in values)
