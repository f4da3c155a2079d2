"""Times as people read them: no day is carried, and a minus sign stands before a negative one."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.frames.clock import clock


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0:00.0"),
        (59.97, "1:00.0"),
        (75.25, "1:15.2"),
        (3599.9, "59:59.9"),
        (3599.99, "1:00:00"),
        (3675, "1:01:15"),
        (90_000, "25:00:00"),
        (-2, "-0:02.0"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@given(st.floats(-1e7, 1e7))
def test_whole_seconds_read_back(seconds: float) -> None:
    shown = re.fullmatch(r"(-?)(\d+):([0-5]\d):([0-5]\d)", clock(seconds, whole=True))
    assert shown is not None
    hours, minutes, rest = map(int, shown.groups()[1:])
    read = (hours * 3600 + minutes * 60 + rest) * (-1 if shown[1] else 1)
    assert abs(read - seconds) <= 0.5
