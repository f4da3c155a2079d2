"""A chain of libavfilter's filters, from decoded pictures to those that are kept."""

import struct
from typing import cast

from av import VideoFrame
from av.filter import Graph

# Where libav keeps how a picture is to be turned: nine numbers (ISO 14496-12, 8.2.2).
_MATRIX = "DISPLAYMATRIX"
UPRIGHT = (1, 0, 0, 0, 1, 0, 0, 0, 1)

# Degrees by which a turn may differ from a quarter.
_NEAR = 1.0


class Chain:
    """Filters one after the other; each ``filter`` appends one, as ffmpeg-python's does.

    Args:
        picture: the first that will come; all must be like it (``kind_of``).
    """

    def __init__(self, picture: VideoFrame) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        self._last = self._graph.add(
            "buffer",
            f"video_size={picture.width}x{picture.height}:pix_fmt={picture.format.name}:"
            f"time_base=1/1:pixel_aspect=1/1:colorspace={int(picture.colorspace)}:"
            f"range={int(picture.color_range)}",
        )
        self._open = False

    def filter(self, name: str, *values: object, **options: object) -> "Chain":
        """Append a filter with its values, in libav's order or by name."""
        written = [str(value) for value in values]
        written += [f"{key}={value}" for key, value in options.items()]
        added = self._graph.add(name, ":".join(written) or None)
        self._last.link_to(added)
        self._last = added
        return self

    def push(self, picture: VideoFrame | None) -> list[VideoFrame]:
        """Put a picture in, or None for the end, and take out those that are ready."""
        if not self._open:
            self._last.link_to(self._graph.add("buffersink"))
            self._graph.configure()
            self._open = True
        if picture is not None:
            # Of no use here, and bwdif would believe them.
            picture.pts = None
        self._graph.push(picture)
        ready: list[VideoFrame] = []
        while True:
            try:
                found = self._graph.pull()
            except (BlockingIOError, EOFError):
                return ready
            assert isinstance(found, VideoFrame)
            ready.append(found)


def kind_of(picture: VideoFrame) -> tuple[object, ...]:
    """Return what pictures must have in common to go through one chain."""
    return (
        *(picture.width, picture.height, picture.format.name),
        *(int(picture.colorspace), int(picture.color_range), _turn(picture)),
    )


def set_upright(chain: Chain, picture: VideoFrame) -> Chain:
    """Append what turns and mirrors pictures as they are to be displayed.

    Source: ``configure_input_video_filter`` of ffmpeg's own program.
    """
    matrix = _turn(picture)
    degrees = -picture.rotation % 360
    if abs(degrees - 90) < _NEAR:
        return chain.filter("transpose", "cclock_flip" if matrix[3] > 0 else "clock")
    if abs(degrees - 270) < _NEAR:
        return chain.filter("transpose", "clock_flip" if matrix[3] < 0 else "cclock")
    if abs(degrees - 180) < _NEAR and matrix[0] < 0:
        chain = chain.filter("hflip")
    if matrix[4] < 0:
        chain = chain.filter("vflip")
    return chain


def _turn(picture: VideoFrame) -> tuple[int, ...]:
    """Return the nine numbers; those of an upright picture where none are stated."""
    stated = picture.side_data.get(_MATRIX)
    return UPRIGHT if stated is None else struct.unpack("9i", cast(bytes, stated))
