"""The commands that refusals and notices name are tried: what they make is accepted."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from tests.decoding import decode, refusal
from tests.footage_samples import make_video, run_ffmpeg

pytestmark = pytest.mark.usefixtures("scratch")


def follow(remedy: str, video: Path) -> list[Path]:
    """Do what stands in backticks, a command after the other; what it made by each."""
    made = []
    for number, command in enumerate(re.findall("`(ffmpeg .*?)`", remedy)):
        words = shlex.split(command)
        folder = video.parent / f"made{number}"
        folder.mkdir()
        words = [str(video) if word == "FILE" else word for word in words[1:]]
        words[-1] = str(folder / words[-1])
        subprocess.run([get_ffmpeg_exe(), "-nostdin", *words], check=True, capture_output=True)
        made += sorted(folder.iterdir())
    return made


def snow(folder: Path) -> Path:
    return make_video(folder / "a.mkv", "-c:v", "snow", "-strict", "-2")


def nut(folder: Path) -> Path:
    return make_video(folder / "a.nut")


def odd_colours(folder: Path) -> Path:
    return make_video(folder / "a.mp4", "-vf", "setparams=colorspace=ictcp")


def large(folder: Path) -> Path:
    return make_video(folder / "a.mp4", "-vf", "scale=2400:1440", "-preset", "ultrafast")


def fast(folder: Path) -> Path:
    return make_video(folder / "a.mp4", "-r", "240")


def long(folder: Path) -> Path:
    return make_video(folder / "a.mp4", "-g", "1", seconds=70)


def holed(folder: Path) -> Path:
    video = make_video(folder / "a.ts", "-c:v", "libx264", "-g", "5", seconds=3)
    content = bytearray(video.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 600] = bytes(600)
    video.write_bytes(content)
    return video


REFUSED: dict[str, Callable[[Path], Path]] = {
    "unsupported-codec": snow,
    "not-a-video": nut,
    "unsupported-colour": odd_colours,
    "too-large": large,
    "too-fast": fast,
    "too-long": long,
    "undecodable": holed,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_refusal_advises_makes_the_video_usable(reason, tmp_path):
    video = REFUSED[reason](tmp_path)
    refused = refusal(video)
    assert refused.reason == reason
    # An hour of footage is too much for a test.
    made = follow(refused.remedy.replace("segment_time 3600", "segment_time 30"), video)
    assert made
    assert [str(refusal(path)) for path in made] == ["None"] * len(made)


def test_another_track_and_another_rate_come_out_as_promised(tmp_path):
    preview = ("-f", "lavfi", "-i", "testsrc2=size=48x32:rate=1:duration=2")
    film = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=10:duration=2")
    run_ffmpeg(*film, *preview, "-map", "0", "-map", "1", tmp_path / "tracks.mkv")
    [made] = follow(decode(tmp_path / "tracks.mkv")["notices"][0], tmp_path / "tracks.mkv")
    assert decode(made)["width"] == 48
    raw = make_video(tmp_path / "second/raw.h264", "-r", "25")
    [made] = follow(decode(raw)["notices"][0], raw)
    facts = decode(made)
    assert facts["fps"] == pytest.approx(15)
    assert facts["n_frames"] == pytest.approx(25 / 15 * 10, abs=1)


def test_joined_videos_can_be_joined_rightly(tmp_path):
    parts = [make_video(tmp_path / f"{hue}.mp4", hue=hue) for hue in (1, 2)]
    (tmp_path / "LIST").write_text("".join(f"file '{part}'\n" for part in parts))
    video = tmp_path / "joined.mp4"
    video.write_bytes(b"".join(part.read_bytes() for part in parts))
    remedy = refusal(video).remedy.replace("LIST", str(tmp_path / "LIST"), 1)
    [made] = follow(remedy, video)
    assert decode(made)["n_frames"] == 20
