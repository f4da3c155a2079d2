"""The frame shown at a time is the picture that a player shows then, whatever a file states."""

import subprocess
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.frames.stretches import FrameTimes
from aislewatch.frames.timing import PictureTimes
from aislewatch.ingest.decode import FRAMES, TIMES
from aislewatch.ingest.decoder import video_limits
from aislewatch.ingest.packets import scan_times
from aislewatch.ingest.probe import probe_video
from tests.decoding import decode, verdict
from tests.footage_samples import LIMITS, run_ffmpeg
from tests.numbered_films import read_numbers, write_film

EVEN = range(0, 2000, 40)

# Bytes of a packet of MPEG's transport stream.
TS_PACKET = 188


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


def played_ms(video: Path) -> list[int]:
    """When ffmpeg's own program shows each picture, after the second 0 that players have."""
    command = [get_ffmpeg_exe(), "-loglevel", "quiet", "-i", str(video), "-fps_mode", "passthrough"]
    command += ["-enc_time_base:v", "1:1000", "-f", "framecrc", "-"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [int(line.split(",")[2]) for line in lines if line.startswith("0,")]


@pytest.mark.parametrize("packets", [20, 40, 60])
def test_a_stream_joined_before_its_key_picture_begins_with_its_sound(
    scratch: Path, packets: int
) -> None:
    """A key picture every 2 s: what comes before the next one cannot be shown, but is heard."""
    options = {"preset": "ultrafast", "g": "50", "bf": "0"}
    whole = write_film(
        scratch / "whole.ts", range(0, 6000, 40), options=options, sound_ms=(0, 6000)
    )
    video = scratch / "a.ts"
    video.write_bytes(whole.read_bytes()[packets * TS_PACKET :])
    facts, numbers = shown(video)
    times_ms = played_ms(video)
    late_ms = times_ms[0]
    assert late_ms > 500
    assert facts["pictures"] == len(times_ms) == 100
    assert np.load(TIMES)[:, 0] == pytest.approx(np.array(times_ms) * 1e6, abs=1e6)
    assert min(numbers) == pytest.approx(late_ms / 1000, abs=0.1)
    for second, number in numbers.items():
        assert number == 50 + (second * 1000 - late_ms) // 40
    assert f"its first picture is shown at {late_ms / 1000:.1f} s" in facts["notices"][0]


def test_avi_that_states_twice_the_rate_has_the_pictures_it_has(scratch: Path) -> None:
    """H.264 by fields: half of the entries of the index are empty."""
    film = write_film(scratch / "a.mp4", range(0, 4000, 40))
    twice = scratch / "twice.avi"
    rate = ("-enc_time_base", "1:50", "-fps_mode", "passthrough")
    run_ffmpeg("-i", film, "-c:v", "libx264", "-bf", "2", *rate, twice)
    with av.open(str(twice)) as container:
        assert container.streams.video[0].average_rate == 50
    facts, numbers = shown(twice)
    assert (facts["pictures"], facts["n_frames"]) == (100, 40)
    assert facts["fps"] == pytest.approx(25, rel=0.01)
    assert numbers == {second: int(second * 25 + 1e-6) for second in numbers}
    # Nor does its header's rate refuse it.
    assert decode(twice, max_fps=30.0)["pictures"] == 100


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


@pytest.mark.parametrize("clocks_s", [(0, 0), (1000, 10), (95_000, 90_000)])
def test_a_clock_that_begins_anew_goes_on(scratch: Path, clocks_s: tuple[int, int]) -> None:
    """To libav, a clock that was set back by more than a minute turned over: 26.5 hours passed."""
    parts = [
        write_film(scratch / f"{n}.ts", [clock_s * 1000 + ms for ms in EVEN], first=50 * n)
        for n, clock_s in enumerate(clocks_s)
    ]
    (scratch / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    facts, numbers = shown(scratch / "a.ts")
    assert (facts["n_frames"], facts["end_s"], facts["pictures"]) == (40, 4.0, 100)
    assert (numbers[0.0], numbers[2.0], numbers[3.0]) == (0, 50, 75)


def test_a_clock_of_33_bits_that_turns_over_goes_on(scratch: Path) -> None:
    turn_ms = (1 << 33) // 90
    facts, numbers = shown(write_film(scratch / "a.ts", [turn_ms - 2400 + ms for ms in EVEN]))
    assert (facts["n_frames"], facts["end_s"], facts["pictures"]) == (20, 2.0, 50)
    assert numbers[1.0] == 25


def test_check_sees_the_times_of_a_cut_that_begins_between_key_pictures(scratch: Path) -> None:
    """Phones and editors cut so: the key picture is kept for decoding, and hidden."""
    whole = write_film(scratch / "whole.mp4", range(0, 4000, 40), options={"g": "25", "bf": "2"})
    cut = scratch / "cut.mp4"
    run_ffmpeg("-ss", "1.5", "-i", whole, "-c", "copy", cut)
    _, numbers = shown(cut)
    assert numbers[1.0] == 38 + 25
    decoded = np.load(TIMES)
    facts = probe_video(cut, video_limits(LIMITS))
    assert scan_times(cut, facts).bounds_ns == pytest.approx(decoded, abs=1e6)
