"""Headers that claim the absurd, and small files that would become enormous."""

import struct
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.patching import box, external_reference, replace_payload, write_after
from tests.fuzz.seeds import make_small
from tests.fuzz.traps import Traps

# Pixels of a side, frames, and frames a second that nobody has.
HUGE_SIDE = 65535
HUGE_COUNT = 100_000_000
HUGE_RATE = 1_000_000

# Frames that a table of 8 MB lists one by one.
LISTED_COUNT = 2_000_000

Claim = Callable[[Path, Traps], bytes]


def _patched(name: str, mark: bytes, offset: int, value: bytes, *options: str) -> Claim:
    """A whole video with one field overwritten."""
    return lambda folder, traps: write_after(
        make_small(folder / name, *options), mark, offset, value
    )


def _u32(*values: int, order: str = ">") -> bytes:
    return struct.pack(f"{order}{len(values)}I", *values)


def _sides(code: str) -> bytes:
    return struct.pack(code, HUGE_SIDE, HUGE_SIDE)


def _all_pictures(folder: Path, traps: Traps) -> bytes:
    """Every JPEG picture says 65535×65535 (SOF0: length 17, 8 bits, height, width)."""
    content = make_small(folder / "sof.avi", *_JPEG)
    start_of_frame = b"\xff\xc0\x00\x11\x08"
    before = start_of_frame + struct.pack(">HH", 48, 64)
    assert before in content
    return content.replace(before, start_of_frame + _sides(">HH"))


def _matroska(mark: bytes, value: bytes) -> Claim:
    """An element's value overwritten; ``mark`` is its id and its length."""
    return lambda folder, traps: write_after(
        make_small(folder / "claim.mkv", "-c:v", "mpeg4", size="304x304"), mark, len(mark), value
    )


def _many_frames(folder: Path, traps: Traps) -> bytes:
    """Sample tables of 100 million frames in one chunk, a byte each."""
    content = make_small(folder / "many.mp4", "-c:v", "libx264")
    content = write_after(content, b"stts", 8, _u32(1, HUGE_COUNT, 1))
    content = write_after(content, b"stsc", 8, _u32(1, 1, HUGE_COUNT, 1))
    return write_after(content, b"stsz", 8, _u32(1, HUGE_COUNT))


def _long_table(folder: Path, traps: Traps) -> bytes:
    """A sample table that really lists two million frames of a byte."""
    content = make_small(folder / "table.mp4", "-c:v", "libx264")
    content = write_after(content, b"stts", 8, _u32(1, LISTED_COUNT, 512))
    content = write_after(content, b"stsc", 8, _u32(1, 1, LISTED_COUNT, 1))
    path = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsz")
    return replace_payload(content, path, _u32(0, 0, LISTED_COUNT) + _u32(1) * LISTED_COUNT)


def _one_frame_for_all(folder: Path, traps: Traps) -> bytes:
    """An AVI whose index names the first picture 60,000 times."""
    content = make_small(folder / "again.avi", *_JPEG)
    start = content.index(b"idx1")
    entries = content[start + 8 : start + 24] * 60_000
    return content[:start] + b"idx1" + _u32(len(entries), order="<") + entries


def _gap(folder: Path, traps: Traps) -> bytes:
    """Two pictures a day apart, in a stream that states no duration."""
    late = ("-vf", "setpts=N*86400/TB", "-fps_mode", "passthrough", "-live", "1")
    return make_small(folder / "gap.mkv", *_JPEG, *late, seconds=0.2)


def _bomb(folder: Path, traps: Traps) -> bytes:
    """Ten seconds of black at nearly the largest size: 12 kB for 900 MB of pictures."""
    path = folder / "bomb.mp4"
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-r", "30")
    return make_small(path, *options, size="1600x1200", seconds=10, picture="color=c=black")


def _nested(folder: Path, traps: Traps) -> bytes:
    """Boxes in boxes in boxes."""
    content = b""
    for _ in range(20_000):
        content = _u32(8 + len(content)) + b"moov" + content
    return box(b"ftyp", b"isom\0\0\0\0") + content


def _million_boxes(folder: Path, traps: Traps) -> bytes:
    return box(b"ftyp", b"isom\0\0\0\0") + box(b"free", b"") * 1_000_000


def _reference(*, absolute: bool) -> Claim:
    """A QuickTime file whose pictures lie in another one, outside the source."""

    def make(folder: Path, traps: Traps) -> bytes:
        content = make_small(folder / "reference.mov", "-c:v", "mpeg4")
        up = len(folder.relative_to(traps.video.parent.parent).parts) + 1
        levels = (0, 0) if absolute else (up, 2)
        payload = external_reference(str(traps.video), *levels)
        path = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")
        return replace_payload(content, path, payload)

    return make


def _tall(folder: Path, traps: Traps) -> bytes:
    """A picture of 16×8192, which is no absurd number of pixels."""
    return make_small(folder / "tall.avi", *_JPEG, size="16x8192", seconds=0.3)


_JPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
_AVI = ("-c:v", "mpeg4")
_RAW = ("-c:v", "rawvideo")
_MP4 = ("-c:v", "libx264")
_PRORES = ("-c:v", "prores", "-pix_fmt", "yuv422p10le")
_RATE = b"\x23\xe3\x83\x84"
_LENGTH = b"\x44\x89\x88"

# By kind: file name, maker, and the reasons that are right; none where only a verdict is asked for.
CLAIMS: dict[str, tuple[str, Claim, set[str]]] = {
    "mp4 65535x65535": ("a.mp4", _patched("s.mp4", b"avc1", 28, _sides(">HH"), *_MP4), set()),
    "avi 65535x65535": (
        "a.avi",
        _patched("s.avi", b"strf", 12, _sides("<II"), *_AVI),
        {"accepted"},  # The stream itself says how large it is.
    ),
    "raw avi 65535x65535": (
        "a.avi",
        _patched("r.avi", b"strf", 12, _sides("<II"), *_RAW),
        {"too-large", "undecodable"},
    ),
    "raw avi, negative size": (
        "a.avi",
        _patched("n.avi", b"strf", 12, struct.pack("<ii", -64, -(2**31)), *_RAW),
        {"too-large", "undecodable", "not-a-video"},
    ),
    "jpeg 65535x65535": ("a.avi", _all_pictures, {"too-large", "undecodable"}),
    "prores 65535x65535": (
        "a.mov",
        _patched("s.mov", b"icpf", 12, _sides(">HH"), *_PRORES),
        {"too-large", "undecodable"},
    ),
    "matroska 65535 wide": ("a.mkv", _matroska(b"\xb0\x82", b"\xff\xff"), set()),
    "tall": ("a.avi", _tall, {"accepted"}),
    "avi of a million fps": (
        "a.avi",
        _patched("f.avi", b"strh", 28, _u32(1, HUGE_RATE, order="<"), *_AVI),
        # A header refuses nothing, and a dozen pictures, of which the last stays on, are no flood.
        {"accepted"},
    ),
    "avi of 0 fps": ("a.avi", _patched("z.avi", b"strh", 28, _u32(1, 0, order="<"), *_AVI), set()),
    "avi of 1/0 fps": (
        "a.avi",
        _patched("o.avi", b"strh", 28, _u32(0, 0, order="<"), *_AVI),
        set(),
    ),
    "mp4 of a million fps": (
        "a.mp4",
        _patched("f.mp4", b"mdhd", 16, _u32(2**31 - 1, 12), *_MP4),
        {"too-fast"},
    ),
    "mp4 of timescale 0": ("a.mp4", _patched("t.mp4", b"mdhd", 16, _u32(0, 0), *_MP4), set()),
    "matroska of 1 ns a frame": ("a.mkv", _matroska(_RATE, _u32(1)), set()),
    "matroska of 0 ns a frame": ("a.mkv", _matroska(_RATE, _u32(0)), set()),
    # A length is what was decoded, whatever the header says.
    "mp4 of 136 years": (
        "a.mp4",
        _patched("d.mp4", b"mdhd", 16, _u32(1, 2**32 - 2), *_MP4),
        {"accepted"},
    ),
    "mp4, one frame of ages": (
        "a.mp4",
        _patched("l.mp4", b"stts", 8, _u32(1, 12, 2**31 - 1), *_MP4),
        set(),
    ),
    "matroska of NaN s": ("a.mkv", _matroska(_LENGTH, struct.pack(">d", float("nan"))), set()),
    "matroska of infinite s": ("a.mkv", _matroska(_LENGTH, struct.pack(">d", float("inf"))), set()),
    "matroska of -1 s": ("a.mkv", _matroska(_LENGTH, struct.pack(">d", -1.0)), set()),
    "matroska of 1e300 s": ("a.mkv", _matroska(_LENGTH, struct.pack(">d", 1e300)), set()),
    "flv of NaN fps": (
        "a.flv",
        _patched("n.flv", b"framerate\x00", 10, struct.pack(">d", float("nan")), "-c:v", "flv1"),
        set(),
    ),
    "flv of -10 fps": (
        "a.flv",
        _patched("k.flv", b"framerate\x00", 10, struct.pack(">d", -10.0), "-c:v", "flv1"),
        {"accepted"},
    ),
    "flv of NaN s": (
        "a.flv",
        _patched("m.flv", b"duration\x00", 9, struct.pack(">d", float("nan")), "-c:v", "flv1"),
        set(),
    ),
    "100 million frames": ("a.mp4", _many_frames, {"no-frames", "too-fast", "memory-limit"}),
    "2 million frames in a table": ("a.mp4", _long_table, {"too-long", "memory-limit"}),
    "100 million chunks": (
        "a.mp4",
        _patched("c.mp4", b"stco", 8, _u32(HUGE_COUNT), *_MP4),
        {"accepted"},  # The table ends where its box does.
    ),
    "one frame 60,000 times": ("a.avi", _one_frame_for_all, {"too-long", "truncated"}),
    # A hole in a recording, however long, is a gap; its length is that of its pictures.
    "a day between frames": ("a.mkv", _gap, {"accepted"}),
    "900 MB in 12 kB": ("a.mp4", _bomb, {"accepted"}),
    "20,000 nested boxes": ("a.mp4", _nested, {"truncated", "not-a-video", "no-video-stream"}),
    "a million boxes": ("a.mp4", _million_boxes, {"truncated", "not-a-video", "no-video-stream"}),
    "pictures in a file elsewhere": ("a.mov", _reference(absolute=True), set()),
    "pictures in a file next door": ("a.mov", _reference(absolute=False), set()),
}
