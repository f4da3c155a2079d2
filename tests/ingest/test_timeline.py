"""A file's times on a player's clock: what is shown when, whatever the file states."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.frames.timing import PictureTimes
from aislewatch.ingest.timeline import Timeline

MS = Fraction(1, 1000)


def clock(
    *pictures: tuple[int | None, int | None], zero: int = 0, rate: float = 25.0
) -> PictureTimes:
    """The times of pictures given as stated time and length, in milliseconds."""
    timeline = Timeline(zero * MS, MS, rate)
    bounds = [timeline.add(*picture) for picture in pictures]
    assert bounds[0] is None
    bounds = [*bounds[1:], timeline.end()]
    times = timeline.times()
    assert [tuple(pair) for pair in times.bounds_ns.tolist()] == bounds
    return times


def starts_ms(times: PictureTimes) -> list[float]:
    return (times.bounds_ns[:, 0] / 1e6).tolist()


def even(count: int, start: int = 0, step: int = 40) -> list[tuple[int, int]]:
    return [(start + step * number, step) for number in range(count)]


def test_a_picture_is_shown_until_the_next() -> None:
    times = clock((0, 0), (40, 0), (1540, 0), (1600, 0))
    assert starts_ms(times) == [0, 40, 1540, 1600]
    assert times.gaps_s() == []
    assert times.end_s == pytest.approx(1.66)


@pytest.mark.parametrize(("stated", "lasts"), [(600_000, 40), (10_800_000, 40), (0, 40), (1, 40)])
def test_a_last_picture_of_minutes_or_none_lasts_as_long_as_others(stated: int, lasts: int) -> None:
    assert clock(*even(250), (10_000, stated)).end_s == 10 + lasts / 1000


def test_a_last_picture_is_believed_while_it_can_be_true() -> None:
    assert clock((0, 40), (40, 1500)).end_s == 1.54


def test_a_hole_is_a_gap_and_no_still() -> None:
    times = clock(*even(250), *even(250, start=610_000))
    assert times.gaps_s() == [(10.0, 610.0)]
    assert (times.duration_s, times.end_s) == (20.0, 620.0)
    assert (times.shown_until(249), times.shown_from(250)) == (10.0, 610.0)


def test_a_slow_camera_has_no_holes() -> None:
    times = clock(*even(60, step=1000))
    assert times.gaps_s() == []
    assert times.duration_s == 60.0


def test_a_clock_that_begins_anew_goes_on() -> None:
    times = clock(*even(750, start=1400), *even(750, start=1400), *even(25), zero=1400)
    assert times.gaps_s() == []
    assert times.end_s == times.duration_s == 61.0
    assert times.shown_from(1000) == 40.0


def test_pictures_out_of_order_do_not_make_the_clock_begin_anew() -> None:
    assert starts_ms(clock((0, 40), (160, 40), (80, 40), (120, 40), (200, 40))) == [
        *(0, 160, 160, 160, 200)
    ]


def test_second_0_is_where_sound_began() -> None:
    times = clock(*even(750, start=2000))
    assert times.gaps_s() == [(0.0, 2.0)]
    assert times.shown_from(125) == 7.0


def test_a_first_picture_that_is_little_late_is_shown_at_once() -> None:
    times = clock(*even(3, start=80))
    assert starts_ms(times) == [0, 120, 160]
    assert times.gaps_s() == []


def test_nothing_is_before_second_0() -> None:
    assert starts_ms(clock(*even(3, start=500), zero=600)) == [0, 40, 80]


def test_pictures_without_times_follow_by_their_length_or_the_rate() -> None:
    assert starts_ms(clock((None, 0), (None, 50), (None, 0), rate=20.0)) == [0, 50, 100]
    assert clock((None, None), (None, None), rate=0.0).end_s == 0.08


def test_a_rate_of_1000_is_used_for_nothing_once_pictures_are_known() -> None:
    assert clock((0, 0), (66, 0), (133, 0), rate=1000.0).end_s == 0.2


STEPS = st.integers(1, 2000) | st.integers(2001, 10**7) | st.integers(-(10**7), -501)


@given(st.lists(STEPS, max_size=60), st.integers(0, 10**9))
def test_times_never_go_back_and_every_gap_was_in_the_file(steps: list[int], start: int) -> None:
    stated = [start]
    for step in steps:
        stated.append(stated[-1] + step)
    times = clock(*((time, 0) for time in stated), zero=start)
    bounds_ns = times.bounds_ns
    assert (bounds_ns[:, 1] > bounds_ns[:, 0]).all()
    assert (bounds_ns[1:, 0] >= bounds_ns[:-1, 1]).all()
    assert len(times.gaps_s()) == sum(step > 2000 for step in steps)
    # What a player does with a file whose clock never goes back.
    if all(step > 0 for step in steps):
        assert starts_ms(times) == [time - start for time in stated]


def test_a_live_stream_leaves_nothing_behind() -> None:
    """Its pictures have the same times, and an hour of them takes no memory."""
    file, stream = (Timeline(Fraction(0), MS, 25.0, is_endless=endless) for endless in (0, 1))
    for at in range(50):
        assert stream.add(at * 40, 40) == file.add(at * 40, 40)
    assert stream.end() == file.end()
    assert (len(file.times().bounds_ns), len(stream.times().bounds_ns)) == (50, 0)
