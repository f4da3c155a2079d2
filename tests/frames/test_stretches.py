"""When each frame of the store is shown, and which instants have one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.frames.stretches import FrameTimes, Stretch
from aislewatch.frames.timing import PictureTimes

HOLE = FrameTimes(10, (Stretch(0, 100, 0), Stretch(100, 200, 6100)))
LATE = FrameTimes(10, (Stretch(0, 300, 20),))


def test_frames_around_a_gap() -> None:
    assert HOLE.n_frames == 200
    assert HOLE.gaps_s() == [(10.0, 610.0)]
    assert [HOLE.shown_from(frame) for frame in (0, 99, 100, 199)] == [0, 9.9, 610, 619.9]
    assert [HOLE.shown_until(frame) for frame in (1, 100, 101, 200)] == [0.1, 10, 610.1, 620]
    assert [HOLE.frames_before(second) for second in (0, 9.95, 10, 300, 610, 620, 999)] == [
        *(0, 99.5, 100, 100, 100, 200, 200)
    ]
    assert [HOLE.frame_at(second) for second in (0, 9.99, 10, 300, 610.05, 999)] == [
        *(0, 99, 100, 100, 100, 199)
    ]


def test_a_picture_that_begins_late_leaves_no_frames_before() -> None:
    assert LATE.gaps_s() == [(0.0, 2.0)]
    assert (LATE.shown_from(50), LATE.frame_at(7.0), LATE.frame_at(0.0)) == (7.0, 50, 0)


@pytest.mark.parametrize("times", [HOLE, LATE, FrameTimes(7, (Stretch(0, 1, 0),))])
def test_the_catalogs_text_is_read_back(times: FrameTimes) -> None:
    assert FrameTimes.from_text(times.to_text(), times.n_frames, times.fps) == times


# Nanoseconds of a picture, then of the gap behind it, mostly none.
PICTURES = st.lists(
    st.tuples(st.integers(0, 2 * 10**9), st.just(0) | st.integers(0, 10**10)),
    min_size=1,
    max_size=40,
)


@given(PICTURES, st.integers(0, 10**10), st.integers(1, 60))
def test_a_frame_is_kept_for_each_instant_with_a_picture(
    pictures: list[tuple[int, int]], start: int, fps: int
) -> None:
    bounds, at = [], start
    for length, gap in pictures:
        bounds.append((at, at + length))
        at += length + gap
    times = FrameTimes.of_pictures(PictureTimes(np.array(bounds, np.int64)), fps)
    wanted = [
        tick
        for tick in range(at * fps // 10**9 + 2)
        if any(first * fps <= tick * 10**9 < end * fps for first, end in bounds)
    ]
    ticks = [
        stretch.tick + frame - stretch.first
        for stretch in times.stretches
        for frame in range(stretch.first, stretch.end)
    ]
    assert ticks == wanted
    assert times.n_frames == len(wanted)
    shown = [times.shown_from(frame) for frame in range(times.n_frames)]
    assert shown == pytest.approx([tick / fps for tick in wanted])
    for frame, second in enumerate(shown):
        assert times.frames_before(second) == pytest.approx(frame, abs=1e-6)
