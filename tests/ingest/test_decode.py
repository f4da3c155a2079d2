"""What is accepted, what is refused and why, and that decoding gives the same bytes everywhere."""

from pathlib import Path

import av
import numpy as np
import pytest

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.ingest.decode import FRAMES
from aislewatch.ingest.decoder import video_limits
from aislewatch.ingest.formats import CONTAINERS, reading_options
from tests.decoding import SIZE, decode, verdict, without_simd
from tests.footage_samples import LIMITS, luma, make_video, run_ffmpeg

VIDEO_LIMITS = video_limits(LIMITS)


CODECS = {
    "h264.mp4": ["-c:v", "libx264"],
    "ten_bit.mp4": ["-c:v", "libx264", "-pix_fmt", "yuv420p10le"],
    "hevc.mp4": ["-c:v", "libx265", "-x265-params", "log-level=error"],
    "av1.mkv": ["-c:v", "libaom-av1", "-cpu-used", "8"],
    "mjpeg.avi": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "mpeg4.avi": ["-c:v", "mpeg4"],
    "cinepak.avi": ["-c:v", "cinepak", "-pix_fmt", "rgb24"],
    "vp9.webm": ["-c:v", "libvpx-vp9"],
    "mpeg2.ts": ["-c:v", "mpeg2video"],
    # Noise: on a smooth picture the SIMD and the C transform of WMV round alike.
    "wmv2.asf": ["-vf", "noise=alls=60:allf=t", "-c:v", "wmv2", "-q:v", "3"],
}


@pytest.mark.parametrize("name", CODECS)
def test_cameras_codecs_are_accepted_and_decode_alike_without_simd(name, scratch, tmp_path):
    video = make_video(tmp_path / name, *CODECS[name])
    facts = decode(video)
    assert (facts["width"], facts["height"], facts["n_frames"]) == (96, 64, 10)
    assert facts["duration_s"] == pytest.approx(1.0, abs=0.2)
    with_simd = Path(FRAMES).read_bytes()
    with without_simd():
        decode(video)
    assert Path(FRAMES).read_bytes() == with_simd


@pytest.mark.parametrize(("degrees", "size"), [(90, (64, 96)), (180, (96, 64)), (270, (64, 96))])
def test_rotation_is_honoured(degrees, size, scratch, tmp_path):
    """A video marked as turned decodes to the turned picture."""
    upright = make_video(tmp_path / "upright.mp4", "-c:v", "libx264", "-qp", "0")
    turned = tmp_path / "turned.mp4"
    run_ffmpeg("-display_rotation", str(degrees), "-i", upright, "-c", "copy", turned)
    decode(upright)
    expected = np.rot90(luma(Path(FRAMES), SIZE), degrees // 90, axes=(1, 2)).astype(int)
    facts = decode(turned)
    assert (facts["width"], facts["height"]) == size
    # Scaling before or after turning rounds differently; another turn differs by more than 49.
    assert np.abs(luma(Path(FRAMES), SIZE) - expected).mean() < 2


def test_full_range_becomes_limited_range(scratch, tmp_path):
    """Black is 16 and white 235, whatever the camera's convention: one conversion serves all."""
    run_ffmpeg(
        *("-f", "lavfi", "-i", "color=white:size=64x64:rate=10:duration=0.5"),
        *("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", tmp_path / "white.avi"),
    )
    decode(tmp_path / "white.avi")
    assert abs(int(luma(Path(FRAMES), SIZE).max()) - 235) <= 1


def test_frames_are_kept_at_their_times(scratch, tmp_path):
    """5 frames/s from 10, and 20 from 10, of the same second."""
    video = make_video(tmp_path / "a.mp4", seconds=2)
    assert [decode(video, fps=fps)["n_frames"] for fps in (5, 10, 20)] == [10, 20, 40]


def test_a_single_frame_is_kept(scratch, tmp_path):
    video = make_video(tmp_path / "one.mp4", "-frames:v", "1", "-r", "25")
    assert decode(video)["n_frames"] == 1


def truncated(folder: Path, share: float, *options: str) -> Path:
    video = make_video(folder / "whole.mp4", "-bf", "0", *options, seconds=4)
    video.write_bytes(video.read_bytes()[: int(video.stat().st_size * share)])
    return video


def cut_at_a_packet(folder: Path) -> Path:
    """Ends exactly where a packet does: no decoder sees a fault."""
    video = make_video(folder / "packet.mp4", "-bf", "0", "-movflags", "faststart", seconds=4)
    with av.open(str(video)) as container:
        entries = list(container.streams.video[0].index_entries)
    video.write_bytes(video.read_bytes()[: entries[20].pos + entries[20].size])
    return video


def cut(name: str, share: float = 0.5):
    def make(folder: Path) -> Path:
        video = make_video(folder / name, seconds=4)
        video.write_bytes(video.read_bytes()[: int(video.stat().st_size * share)])
        return video

    return make


def corrupt(folder: Path) -> Path:
    video = make_video(folder / "corrupt.mp4", "-movflags", "faststart", seconds=4)
    content = bytearray(video.read_bytes())
    middle = len(content) * 2 // 3
    content[middle : middle + 400] = bytes(400)
    video.write_bytes(content)
    return video


def audio_only(folder: Path) -> Path:
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=1", folder / "sound.mp4")
    return folder / "sound.mp4"


def song_with_cover(folder: Path) -> Path:
    cover = make_video(folder / "cover.png", "-frames:v", "1", "-pix_fmt", "rgb24")
    inputs = ("-f", "lavfi", "-i", "sine=duration=1", "-i", cover, "-map", "0", "-map", "1")
    run_ffmpeg(*inputs, "-c:v", "copy", "-disposition:v:0", "attached_pic", folder / "song.mp4")
    return folder / "song.mp4"


def encrypted(folder: Path) -> Path:
    video = make_video(folder / "plain.mp4")
    key = "00112233445566778899aabbccddeeff"
    options = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key)
    run_ffmpeg("-i", video, "-c", "copy", *options, "-encryption_kid", key, folder / "secret.mp4")
    return folder / "secret.mp4"


def headers_only(folder: Path) -> Path:
    video = make_video(folder / "fragments.mp4", "-movflags", "empty_moov+frag_keyframe")
    content = video.read_bytes()
    video.write_bytes(content[: content.index(b"moof") - 4])
    return video


def written(name: str, content: bytes):
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def made(name: str, *options: str):
    return lambda folder: make_video(folder / name, *options)


def script(first_line: str, line: str):
    """A playlist under a video's name that would open another video."""

    def write(folder: Path) -> Path:
        other = make_video(folder / "other.ts", "-c:v", "mpeg2video")
        (folder / "script.mp4").write_text(f"{first_line}\n{line.format(other)}\n")
        return folder / "script.mp4"

    return write


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"


REFUSALS = {
    "empty": (written("empty.mp4", b""), "empty"),
    "lfs pointer": (written("pointer.mp4", POINTER), "not-a-video"),
    "text": (written("text.mp4", b"not a video at all, just words\n" * 40), "not-a-video"),
    "noise": (written("noise.mp4", np.random.default_rng(0).bytes(9000)), "not-a-video"),
    "hls": (script("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,", "{}"), "not-a-video"),
    "concat": (script("ffconcat version 1.0", "file '{}'"), "not-a-video"),
    "audio only": (audio_only, "no-video-stream"),
    "cover art": (song_with_cover, "no-video-stream"),
    "encrypted": (encrypted, "encrypted"),
    "headers only": (headers_only, "no-frames"),
    "index at the end is lost": (lambda folder: truncated(folder, 0.6), "truncated"),
    "data at the end is lost": (
        lambda folder: truncated(folder, 0.6, "-movflags", "faststart"),
        "truncated",
    ),
    "cut at a packet": (cut_at_a_packet, "truncated"),
    "cut matroska": (cut("cut.mkv"), "truncated"),
    "matroska without its last frames": (cut("cut.mkv", 0.95), "truncated"),
    "cut flash": (cut("cut.flv"), "truncated"),
    "cut asf": (cut("cut.asf"), "undecodable"),  # libav believes no length that exceeds the file.
    "corrupt": (corrupt, "undecodable"),
    "too large": (made("big.mp4", "-vf", "scale=2048:1024"), "too-large"),
    "too fast": (made("fast.mp4", "-r", "240"), "too-fast"),
    "too long": (made("long.mp4", "-vf", "fps=1,setpts=70*PTS,fps=1"), "too-long"),
    "odd codec": (made("odd.mkv", "-c:v", "snow", "-strict", "-2"), "unsupported-codec"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_used_is_refused_with_its_reason(name, scratch, tmp_path):
    make, reason = REFUSALS[name]
    assert verdict(make(tmp_path)) == reason


def test_the_same_fault_is_told_in_the_same_words(scratch, tmp_path):
    """The quarantine table is hashed."""
    video = corrupt(tmp_path)
    details = set()
    for _ in range(5):
        with pytest.raises(QuarantinedError) as error:
            decode(video)
        details.add(error.value.detail)
    assert len(details) == 1


def test_a_file_can_name_no_other_to_be_opened(tmp_path):
    """What that prevents is tried in test_hostile.py."""
    assert reading_options("mov,mp4,m4a,3gp,3g2,mj2") == {
        "protocol_whitelist": "file",
        "format_whitelist": CONTAINERS,
        "enable_drefs": "0",
        "use_absolute_path": "0",
    }
    assert not {"hls", "dash", "concat", "image2"} & set(CONTAINERS.split(","))


def test_a_full_disk_is_not_the_videos_fault(scratch, tmp_path):
    Path(FRAMES).symlink_to("/dev/full")
    with pytest.raises(FootageError, match="disk is full") as error:
        decode(make_video(tmp_path / "a.mp4"))
    assert not isinstance(error.value, QuarantinedError)
