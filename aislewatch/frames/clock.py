"""Writes times in a video as people read them."""

import math


def clock(seconds: float, whole: bool = False) -> str:
    """Write seconds as ``m:ss.s``, and from an hour on as ``h:mm:ss``.

    Args:
        seconds: a negative time has a minus sign before it; one that is not finite is ``?``.
        whole: write ``h:mm:ss`` whatever the length.
    """
    if not math.isfinite(seconds):
        return "?"
    tenths = round(abs(seconds) * 10)
    if not whole and tenths < 36_000:
        written = f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
    else:
        rest = round(abs(seconds)) if whole else tenths // 10
        written = f"{rest // 3600}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"-{written}" if seconds < 0 and written.strip("0:.") else written
