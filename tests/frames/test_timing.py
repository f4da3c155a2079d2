"""When each picture is shown: numbers of pictures to seconds, and where there is no picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.frames.timing import SECOND_NS, PictureTimes


def times(*bounds_s: tuple[float, float]) -> PictureTimes:
    return PictureTimes(np.round(np.array(bounds_s) * SECOND_NS).astype(np.int64))


UNEVEN = times((0, 0.04), (0.04, 0.5), (0.5, 0.6), (8, 8.1))


def test_a_picture_is_shown_until_the_next_and_before_a_gap_for_its_own_length() -> None:
    assert [UNEVEN.shown_from(number) for number in range(4)] == [0, 0.04, 0.5, 8]
    assert [UNEVEN.shown_until(number) for number in range(4)] == [0.04, 0.5, 0.6, 8.1]


def test_length_and_gaps() -> None:
    assert (len(UNEVEN), UNEVEN.end_s) == (4, 8.1)
    assert round(UNEVEN.duration_s, 9) == 0.7
    assert UNEVEN.gaps_s() == [(0.6, 8.0)]
    assert times((2, 2.04), (2.04, 2.08)).gaps_s() == [(0.0, 2.0)]


@given(st.integers(1, 10**6))
def test_numbers_beyond_the_video_lie_beyond_its_times(beyond: int) -> None:
    assert UNEVEN.shown_from(3 + beyond) > UNEVEN.shown_from(3)
    assert UNEVEN.shown_until(3 + beyond) > UNEVEN.end_s
    assert UNEVEN.shown_from(-beyond) < 0
