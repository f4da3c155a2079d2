"""Small whole videos, in the containers and codecs that cameras write, made by our ffmpeg."""

from pathlib import Path

from tests.footage_samples import run_ffmpeg

# Twelve pictures of 64×48: small enough to be decoded in milliseconds, and so that a flipped bit
# hits something that matters. ffmpeg's options by file name.
SEEDS = {
    "h264.mp4": ("-c:v", "libx264", "-movflags", "faststart"),
    "fragments.mp4": ("-c:v", "libx264", "-g", "4", "-movflags", "empty_moov+frag_keyframe"),
    "prores.mov": ("-c:v", "prores", "-pix_fmt", "yuv422p10le"),
    "hevc.mkv": ("-c:v", "libx265", "-x265-params", "log-level=error:pools=none"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime"),
    "mpeg4.avi": ("-c:v", "mpeg4"),
    "h264.ts": ("-c:v", "libx264", "-g", "6"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-r", "25"),
    "flv1.flv": ("-c:v", "flv1"),
    "wmv2.asf": ("-c:v", "wmv2"),
    "raw.h264": ("-c:v", "libx264", "-g", "6"),
    "raw.mp4": ("-c:v", "libx265", "-x265-params", "log-level=error:pools=none", "-f", "hevc"),
    "mpeg2.mxf": ("-c:v", "mpeg2video", "-r", "25"),
    "theora.ogv": ("-c:v", "libtheora"),
}

# Where each container keeps its tables: boxes, Tracks, idx1, PAT, system header, metadata, header.
INDEX_MARKS = (
    b"moov",
    b"\x16\x54\xae\x6b",
    b"idx1",
    b"\x47\x40\x00",
    b"\x00\x00\x01\xbb",
    b"onMeta",
)


def make_seeds(folder: Path) -> dict[str, bytes]:
    """The bytes of every seed, by its name."""
    for name, options in SEEDS.items():
        make_small(folder / name, *options)
    return {name: (folder / name).read_bytes() for name in SEEDS}


def make_small(
    path: Path, *options: str, size: str = "64x48", seconds: float = 1.2, picture: str = "testsrc2"
) -> bytes:
    """Encode a test picture at 10 frames a second and return the file's bytes."""
    join = ":" if "=" in picture else "="
    source = f"{picture}{join}size={size}:rate=10:duration={seconds}"
    # Without bitexact, every Matroska file has random identifiers.
    same = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
    run_ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *options, *same, path)
    return path.read_bytes()
