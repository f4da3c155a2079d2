"""Makes pictures alike whatever coded them, in fields and size, and says how they are coloured."""

from dataclasses import dataclass
from typing import Any

import av
from av.video.stream import VideoStream

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.remedies import TO_BT709

# What makes frames the same bytes on every machine: the C code's rounding in scaling, and in
# decoding (flags=bitexact; without it WMV differs). With both, ffmpeg 9.0.2 gave the same bytes
# with all SIMD and with `-cpuflags 0` for 316 real videos (h264, hevc, av1, mpeg4, mjpeg, cinepak)
# and for mpeg1, mpeg2, wmv1, wmv2, vp8, vp9, msmpeg4, prores and flv1 made by itself.
SCALING = "bicubic+accurate_rnd+bitexact"

# The store's colours are BT.601 in limited range, as of most CCTV: such footage is only scaled.
STORE_MATRIX, HD_MATRIX, RGB = "smpte170m", "bt709", "rgb"

# The matrix that a stream states (ITU-T H.273, table 4) as ffmpeg calls it.
MATRICES = {
    1: HD_MATRIX,
    4: "fcc",
    5: STORE_MATRIX,  # BT.470 B/G: the same numbers.
    6: STORE_MATRIX,
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
}
UNSTATED = (0, 2, 3)

# Pixels up to which a picture whose stream states no matrix is in BT.601, as players have it
# (mpv's rule); a larger one is high definition, in BT.709.
SD_WIDTH, SD_HEIGHT = 1279, 576

# How much wider than high, or higher than wide, a pixel may be: 24:11 and 5:11 are in use.
MOST_STRETCH = 4

# A stream's order of fields where it has none: unknown, progressive (AVFieldOrder).
WHOLE_PICTURES = (0, 1)


@dataclass(frozen=True)
class Look:
    """How a video's pictures are coded.

    Args:
        width: as displayed, pixels: with square pixels, upright.
        height: as displayed, pixels.
        matrix: of its colours, as ffmpeg calls it; ``RGB`` where it has none.
        full_range: whether black is 0 and white 255, not 16 and 235.
        interlaced: whether a picture holds two moments, a line each in turn.
    """

    width: int
    height: int
    matrix: str
    full_range: bool
    interlaced: bool


def look_at(stream: VideoStream, frame: av.VideoFrame) -> Look:
    """Say how a stream's pictures are coded, of which ``frame`` is the first.

    Raises:
        QuarantinedError: its colours are coded in a way that ffmpeg does not convert.
    """
    width, height = stream.width, stream.height
    stretch = stream.sample_aspect_ratio or 1
    if 1 / MOST_STRETCH <= stretch <= MOST_STRETCH:
        width = max(1, round(width * stretch))
    if frame.rotation % 180:
        width, height = height, width
    # JPEG's formats state the range by their name.
    full = frame.color_range == av.video.reformatter.ColorRange.JPEG or "yuvj" in frame.format.name
    fields = frame.interlaced_frame or stream.codec_context.field_order not in WHOLE_PICTURES
    return Look(width, height, _matrix(frame), full, fields)


def _matrix(frame: av.VideoFrame) -> str:
    if frame.format.is_rgb or frame.format.has_palette:
        return RGB
    stated = int(frame.colorspace)
    if stated in UNSTATED:
        large = frame.width > SD_WIDTH or frame.height > SD_HEIGHT
        return HD_MATRIX if large else STORE_MATRIX
    if stated not in MATRICES:
        words = f"its colours are coded by matrix {stated} of ITU-T H.273, which is not converted"
        remedy = f"export it with ordinary colours, or take them for BT.709: {TO_BT709}"
        raise QuarantinedError("unsupported-colour", words, remedy)
    return MATRICES[stated]


def undo_fields(pictures: Any, look: Look) -> Any:
    """Make whole pictures of interlaced ones, as many as there were; others pass as they are.

    It must see every picture, so it comes before any is left out.
    """
    # Where nothing is interlaced, the filter would still cost 5 to 10 % of the decoding.
    if not look.interlaced:
        return pictures
    return pictures.filter("bwdif", mode="send_frame", deint="interlaced")


def fit_store(pictures: Any, look: Look, width: int, height: int) -> Any:
    """Scale pictures to this many pixels, in their own colours and range."""
    if look.matrix == RGB:
        return pictures.filter("scale", width, height, flags=SCALING).filter("format", "gbrp")
    kept = "pc" if look.full_range else "tv"
    scaled = pictures.filter("scale", width, height, flags=SCALING, out_range=kept)
    return scaled.filter("format", "yuv420p")
