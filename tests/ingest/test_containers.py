"""What cameras, recorders and browsers write is read, or refused with the way to make it so."""

import struct
from pathlib import Path

import pytest

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.decode import FRAMES
from tests.decoding import decode, refusal, verdict
from tests.footage_samples import make_video, run_ffmpeg
from tests.fuzz.patching import write_after

pytestmark = pytest.mark.usefixtures("scratch")

# In Matroska: DefaultDuration, and that it has 4 bytes.
DEFAULT_DURATION = b"\x23\xe3\x83\x84"
TS_PACKET = 188


def stored(video: Path) -> bytes:
    """Decode a video and return its frames."""
    decode(video)
    return Path(FRAMES).read_bytes()


def raw(path: Path, *options: str) -> Path:
    """Make pictures with nothing around them: 2 s of 25 a second, B-frames among them."""
    return make_video(path, "-r", "25", *options, seconds=2)


def dahua(path: Path, stream: Path) -> Path:
    """Put a raw H.264 stream into Dahua's frames, as libavformat/dhav.c reads them."""
    pictures = stream.read_bytes().split(b"\x00\x00\x00\x01\x09")
    written = b""
    for number, picture in enumerate(pictures[1:]):
        payload = b"\x00\x00\x00\x01\x09" + picture
        # Extensions: what is coded (25 a second by H.264), and how large in units of 8 pixels.
        extensions = struct.pack("<BxBB", 0x81, 2, 25) + struct.pack(
            "<BxBB", 0x80, 96 // 8, 64 // 8
        )
        length = 24 + len(extensions) + len(payload) + 8
        kind = 0xFD if number == 0 else 0xFC
        head = struct.pack("<4sBBBBII", b"DHAV", kind, 0, 1, 0, number, length)
        # A date, of bit fields, whose seconds stand still; milliseconds go on.
        head += struct.pack("<IHBB", 0x60C2C000, number * 40, len(extensions), 0)
        written += head + extensions + payload + b"dhav" + struct.pack("<I", length)
    path.write_bytes(written)
    return path


@pytest.mark.parametrize(
    "name", ["a.264", "a.h264", "named.mp4", "a.dav", "a.mxf", "a.mkv", "a.ts", "a.flv", "a.mov"]
)
def test_the_same_pictures_are_the_same_frames_in_every_container(name, tmp_path):
    options = ("-c:v", "libx264", "-bf", "0", "-bsf:v", "h264_metadata=aud=insert")
    stream = raw(tmp_path / "stream.h264", *options)
    whole, video = tmp_path / "whole.mp4", tmp_path / name
    run_ffmpeg("-r", "25", "-i", stream, "-c", "copy", whole)
    if name == "a.dav":
        dahua(video, stream)
    elif name in ("a.264", "a.h264", "named.mp4"):
        video.write_bytes(stream.read_bytes())
    else:
        run_ffmpeg("-i", whole, "-c", "copy", video)
    assert decode(video)["fps"] == 25
    assert len(stored(whole)) == 20 * 32 * 32 * 3 // 2
    assert stored(video) == stored(whole)


RAW = {
    "a.265": ("-c:v", "libx265", "-x265-params", "log-level=error", "-f", "hevc"),
    "a.hevc": ("-c:v", "libx265", "-x265-params", "log-level=error"),
    "b_frames.h264": ("-c:v", "libx264"),
    "a.m4v": ("-c:v", "mpeg4", "-f", "m4v"),
    "a.m2v": ("-c:v", "mpeg2video"),
}


@pytest.mark.parametrize("name", RAW)
def test_raw_streams_are_read_at_the_rate_they_state_and_it_is_said(name, tmp_path):
    video = raw(tmp_path / name, *RAW[name])
    facts = decode(video)
    assert (facts["fps"], facts["n_frames"]) == (25, 20)
    [notice] = facts["notices"]
    assert "carry no times: they are taken for 25 a second, which the stream states" in notice
    assert "`ffmpeg -r 15 -i FILE" in notice


@pytest.mark.parametrize(
    ("rate", "fps", "why"),
    [
        ("10", 10, "which the stream states"),
        ("90000", 25, "for the stream states no rate that could be true"),
    ],
)
def test_a_rate_that_cannot_be_true_is_not_believed(rate, fps, why, tmp_path):
    """Cameras leave the clock's ticks in the stream as if they were pictures."""
    stated = f"h264_metadata=tick_rate={2 * int(rate)}/1"
    video = raw(tmp_path / "a.h264", "-c:v", "libx264", "-bsf:v", stated)
    facts = decode(video)
    assert facts["fps"] == fps
    assert facts["n_frames"] == round(50 / fps * 10)
    assert why in facts["notices"][0]


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.flv"])
def test_a_clock_of_1000_ticks_is_no_rate_of_1000(name, tmp_path):
    """As browsers' recorders state it; the pictures' own times say 25."""
    codec = {"a.mkv": "libx264", "a.webm": "libvpx", "a.flv": "flv1"}[name]
    video = make_video(tmp_path / name, "-r", "25", "-c:v", codec, seconds=2)
    content = video.read_bytes()
    if name == "a.flv":
        content = write_after(content, b"framerate\x00", 10, struct.pack(">d", 1000.0))
    else:
        content = write_after(content, DEFAULT_DURATION, 4, struct.pack(">I", 1_000_000))
    video.write_bytes(content)
    facts = decode(video, max_fps=60.0)
    assert facts["fps"] == pytest.approx(25, abs=0.1)
    assert facts["n_frames"] == 20


def test_what_is_really_too_fast_is_refused(tmp_path):
    video = make_video(tmp_path / "fast.mkv", "-r", "500", seconds=0.5)
    assert verdict(video) == "too-fast"


def tracks(path: Path, *options: str) -> Path:
    """A preview of 1 picture a second beside the film of 10."""
    preview = ("-f", "lavfi", "-i", "testsrc2=size=48x32:rate=1:duration=2")
    film = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=10:duration=2")
    run_ffmpeg(*preview, *film, "-map", "0", "-map", "1", *options, "-pix_fmt", "yuv420p", path)
    return path


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_the_default_track_is_taken_and_the_others_are_named(name, tmp_path):
    video = tracks(tmp_path / name, "-disposition:v:0", "0", "-disposition:v:1", "default")
    facts = decode(video)
    assert (facts["width"], facts["height"], facts["n_frames"]) == (96, 64, 20)
    [notice] = facts["notices"]
    assert (
        "2 video tracks: track 1 (h264, 96x64, the default) is taken, and not track 0 (" in notice
    )
    assert "`ffmpeg -i FILE -map 0:0 -c copy NEW.mkv`" in notice


def test_without_a_default_the_first_track_is_taken_and_the_other_is_named(tmp_path):
    facts = decode(tracks(tmp_path / "a.mkv", "-disposition:v", "0"))
    assert facts["width"] == 48
    assert "track 0 (h264, 48x32) is taken, and not track 1 (h264, 96x64)" in facts["notices"][0]


def joined(folder: Path, name: str, *options: str) -> Path:
    """Two whole videos of 2 s and 3 s in one file, as ``cat`` makes it."""
    parts = [
        make_video(folder / f"{seconds}{name}", "-r", "25", *options, seconds=seconds, hue=seconds)
        for seconds in (2, 3)
    ]
    video = folder / name
    video.write_bytes(b"".join(part.read_bytes() for part in parts))
    return video


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.ts", ("-c:v", "libx264")),
        ("a.ts", ("-c:v", "libx264", "-bf", "0", "-g", "10")),
        ("a.ts", ("-c:v", "mpeg2video")),
        ("a.mpg", ("-c:v", "mpeg2video")),
        ("a.h264", ("-c:v", "libx264")),
    ],
)
def test_joined_streams_are_read_to_the_end(name, options, tmp_path):
    assert decode(joined(tmp_path, name, *options))["n_frames"] == 50


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.flv", "a.asf"])
def test_what_is_read_only_up_to_the_joint_is_refused(name, tmp_path):
    refused = refusal(joined(tmp_path, name))
    assert refused.reason == "joined"
    assert "only the first can be read" in refused.detail
    assert "ffmpeg -f concat" in refused.remedy


def test_a_lost_piece_is_no_joint(tmp_path):
    """Without any one packet of a .ts, fewer pictures are never taken for all.

    Without one of the first, it is like a recording that was joined midway, and that is said.
    """
    video = make_video(tmp_path / "a.ts", "-c:v", "libx264", "-g", "10", seconds=3)
    content = video.read_bytes()
    assert decode(video)["n_frames"] == 30
    accepted = 0
    for start in range(0, len(content), 7 * TS_PACKET):
        video.write_bytes(content[:start] + content[start + TS_PACKET :])
        try:
            facts = decode(video)
        except QuarantinedError:
            continue
        accepted += 1
        late = any("its first picture is shown at" in notice for notice in facts["notices"])
        assert facts["n_frames"] == 30 or late
    assert accepted < len(content) / TS_PACKET / 7 / 2, "tables and padding may be missed"


def test_what_is_read_nowhere_is_refused_with_a_command(tmp_path):
    refused = refusal(make_video(tmp_path / "a.nut"))
    assert refused.reason == "not-a-video"
    assert "no video of a kind that is read here, which are mp4, mov, mkv" in refused.detail
    assert "whitelist" not in refused.detail
    assert "`ffmpeg -i FILE -c copy NEW.mkv`" in refused.remedy
