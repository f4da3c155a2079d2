"""The frame shown at a time is the picture that a player shows then, whatever a file states."""

from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislewatch.frames.stretches import FrameTimes
from aislewatch.frames.timing import PictureTimes
from aislewatch.ingest.decode import FRAMES, TIMES
from tests.decoding import decode, verdict
from tests.numbered_films import read_numbers, write_film

EVEN = range(0, 2000, 40)


def shown(video: Path) -> tuple[dict, dict[float, int]]:
    """The facts, and the number of the picture in the store by its second."""
    facts = decode(video, max_duration_s=700.0)
    times = FrameTimes.from_text(facts["stretches"], facts["n_frames"], 10)
    numbers = read_numbers(Path(FRAMES), 32)
    return facts, {round(times.shown_from(at), 3): number for at, number in enumerate(numbers)}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(20, 1900), min_size=1, max_size=30), st.sampled_from(["mkv", "mp4"]))
def test_a_frame_is_the_picture_a_player_shows_and_numbers_are_pictures(
    scratch: Path, steps: list[int], suffix: str
) -> None:
    times_ms = [0, *accumulate(steps)]
    facts, numbers = shown(write_film(scratch / f"a.{suffix}", times_ms))
    pictures = PictureTimes(np.load(TIMES))
    assert facts["pictures"] == len(pictures) == len(times_ms)
    for number, time_ms in enumerate(times_ms):
        assert pictures.shown_from(number) == pytest.approx(time_ms / 1000, abs=1e-3)
    for second, number in numbers.items():
        assert number == sum(time_ms <= second * 1000 for time_ms in times_ms) - 1


def test_second_0_is_where_the_sound_begins(scratch: Path) -> None:
    late = [2000 + time_ms for time_ms in EVEN]
    facts, numbers = shown(write_film(scratch / "a.mp4", late, sound_ms=(0, 3000)))
    assert (numbers[2.0], numbers[3.0], facts["end_s"]) == (0, 25, 4.0)
    assert min(numbers) == 2.0
    assert not any("header states" in notice for notice in facts["notices"])


def test_longer_sound_and_a_last_picture_of_minutes_are_no_length(scratch: Path) -> None:
    for name, more in (("a.mkv", {"sound_ms": (0, 5000)}), ("b.mp4", {"last_ms": 600_000})):
        facts, _ = shown(write_film(scratch / name, EVEN, **more))
        assert (facts["n_frames"], facts["end_s"]) == (20, 2.0)


def test_a_header_that_states_more_than_is_allowed_refuses_no_film(scratch: Path) -> None:
    """What counts against ingest.max_duration_s is what can be decoded."""
    video = write_film(scratch / "a.mp4", EVEN, last_ms=600_000)
    facts = decode(video, max_duration_s=60.0)
    assert (facts["n_frames"], facts["duration_s"]) == (20, 2.0)
    assert verdict(video, max_duration_s=1.9) == "too-long"


def test_what_is_really_too_long_is_refused_before_it_is_decoded(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aislewatch.ingest.decode.Film", None)
    assert verdict(write_film(scratch / "a.mp4", EVEN), max_duration_s=1.9) == "too-long"


def test_a_hole_is_a_gap_and_is_told(scratch: Path) -> None:
    film = [*EVEN, *(600_000 + time_ms for time_ms in EVEN)]
    facts, numbers = shown(write_film(scratch / "a.mp4", film))
    assert (facts["n_frames"], facts["duration_s"], facts["end_s"]) == (40, 4.0, 602.0)
    assert numbers[600.0] == 50
    assert "it has no pictures from 0:02.0 to 10:00.0" in facts["notices"][0]


def test_a_clock_that_begins_anew_goes_on(scratch: Path) -> None:
    parts = [write_film(scratch / f"{n}.ts", EVEN, first=50 * n).read_bytes() for n in (0, 1)]
    (scratch / "a.ts").write_bytes(b"".join(parts))
    facts, numbers = shown(scratch / "a.ts")
    assert (facts["n_frames"], facts["end_s"], facts["pictures"]) == (40, 4.0, 100)
    assert (numbers[0.0], numbers[2.0], numbers[3.0]) == (0, 50, 75)
