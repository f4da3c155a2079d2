"""Reads times as label files write them (seconds, milliseconds, a clock, frames) into seconds."""

import math
import re
from typing import Literal

from aislewatch.frames.timing import PictureTimes

# ``time`` is seconds or a clock, which has a colon and cannot be taken for the other.
Unit = Literal["seconds", "milliseconds", "time", "frames"]

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)", re.ASCII)
_WHOLE = re.compile(r"(\d+)(?:\.0*)?", re.ASCII)
# Maybe a thousand, as people write it in half of Europe.
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.000)+", re.ASCII)
_NUMBER = re.compile(r"([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?)", re.ASCII | re.IGNORECASE)
# A unit that is written behind the number, too.
_SECONDS = re.compile(r"\s*s(?:ec|ecs|econds?)?\.?", re.IGNORECASE)
_MILLISECONDS = re.compile(r"\s*ms(?:ec|ecs)?\.?", re.IGNORECASE)
# Maybe hhmmss, and so no seconds.
_PADDED = re.compile(r"0\d{3}", re.ASCII)

# Frames beyond this (three years at 30 fps) are a slip of the hand, and exact in a float64.
_MOST_FRAMES = 1 << 32


def read_seconds(text: str) -> float:
    """Read decimal seconds: ``12.5``, ``12,5`` or ``12.5 s``; a sign is read, so as to be refused.

    Raises:
        ValueError: not a finite number; says what to write.
    """
    value = _number(text, _SECONDS)
    if not math.isfinite(value):
        raise ValueError("write seconds from the start of the video, as in 12.5")
    return value


def read_milliseconds(text: str) -> float:
    """Read milliseconds, as in ``12500``, and return seconds.

    Raises:
        ValueError: not a finite number; says what to write.
    """
    value = _number(text, _MILLISECONDS)
    if not math.isfinite(value):
        raise ValueError("write milliseconds from the start of the video, as in 12500")
    return value / 1000


def _number(text: str, unit: re.Pattern[str]) -> float:
    """Read a number and maybe its unit; NaN where it is none."""
    number = _NUMBER.match(text)
    if number is None or not (number.end() == len(text) or unit.fullmatch(text, number.end())):
        return math.nan
    return float(number[1].replace(",", "."))


def read_clock(text: str) -> float:
    """Read ``hh:mm:ss``, ``hh:mm:ss.fff`` or ``mm:ss`` into seconds; a decimal comma will do.

    Raises:
        ValueError: written otherwise, or 60 minutes or seconds and more; says what to write.
    """
    match = _CLOCK.fullmatch(text)
    hours, minutes, rest = match.groups() if match else (None, "60", "60")
    if len(hours or "") > 6 or int(minutes) > 59 or float(rest.replace(",", ".")) >= 60:
        raise ValueError("write hh:mm:ss or hh:mm:ss.fff, as in 00:01:12.5")
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))


def read_frame(text: str) -> int:
    """Read a frame's number; ``30.0`` is one, since tables with gaps make numbers decimal.

    Raises:
        ValueError: no whole number from 0 up; says what to write.
    """
    if _THOUSANDS.fullmatch(text):
        raise ValueError("write the number of a frame without a point, as in 630")
    match = _WHOLE.fullmatch(text)
    value = int(match[1]) if match and len(match[1]) <= 10 else _MOST_FRAMES
    if value >= _MOST_FRAMES:
        raise ValueError("write the number of a frame of the original video, as in 630")
    return value


def to_seconds(text: str, unit: Unit, times: PictureTimes, is_end: bool) -> float:
    """Read one bound of an interval, and return it in seconds.

    Args:
        text: as written in the label file.
        unit: how it is written; decided by a column's name, never by the value.
        times: of the video in which frames were counted, the first of them 0.
        is_end: the frame is the last of the interval, and so belongs to it.

    Raises:
        ValueError: not written in that unit; says what to write.
    """
    if unit == "frames":
        number = read_frame(text)
        return times.shown_until(number) if is_end else times.shown_from(number)
    if unit == "milliseconds":
        return read_milliseconds(text)
    if unit == "time" and (":" in text or _PADDED.match(text)):
        return read_clock(text)
    return read_seconds(text)
