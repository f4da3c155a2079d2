"""Writes a short film that a browser plays at once."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

# Of MPEG: any camera's times are whole numbers of it, or lie within 6 microseconds of one.
TIME_BASE = Fraction(1, 90_000)

# Constant quality that cannot be told from the camera's own; fast, since scoring goes on meanwhile.
_OPTIONS = {"preset": "veryfast", "crf": "23"}
# Frames a second that the encoder plans for; the film's own times are written.
_PLANNED_FPS = 25


class FilmWriter:
    """Encodes pictures at their times as H.264, 4:2:0, with the index in front of the film.

    All pictures get the size of the first, which loses a row or column where it is odd.
    """

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        self._stream: VideoStream | None = None
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    def add(self, at_s: float, rgb_HWC: NDArray[np.uint8]) -> None:
        """Take the next picture, uint8; one no later than the one before is shown just after it."""
        stream = self._stream or self._begin(rgb_HWC)
        picture = Image.fromarray(rgb_HWC)
        if picture.size != (stream.width, stream.height):
            # A row or column less is cut; a camera that changes its resolution is scaled.
            cut = picture.crop((0, 0, stream.width, stream.height))
            is_odd = (picture.width & ~1, picture.height & ~1) == cut.size
            picture = cut if is_odd else picture.resize(cut.size)
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        frame.pts = self._last = max(round(at_s / TIME_BASE), self._last + 1)
        frame.time_base = TIME_BASE
        self._container.mux(stream.encode(frame))

    def finish(self) -> None:
        """Encode what is left; without it, the film is not whole."""
        if self._stream:
            self._container.mux(self._stream.encode())

    def _begin(self, rgb_HWC: NDArray[np.uint8]) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=_PLANNED_FPS, options=_OPTIONS)
        stream.height, stream.width = (max(2, side & ~1) for side in rgb_HWC.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        self._stream = stream
        return stream
