"""Writes single frames of the store as JPEG, for pages that people look at."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from aislewatch.frames.clip_frames import read_clip

# JPEG holds full-range YUV (JFIF), the store limited-range: black 16, white 235, colour 128 ± 112.
BLACK, LUMA_SPAN = 16, 219
NO_COLOUR, COLOUR_SPAN = 128, 224
FULL = 255
# At 85 a frame of 128×128 has 5 kB and shows no blocks.
QUALITY = 85


def jpeg(frames_dir: Path, frames_file: str, frame: int, size: int) -> bytes:
    """Encode one frame of the store as a JPEG; its planes are stretched, not converted to RGB.

    Args:
        frames_dir: the frame store.
        frames_file: the video's file in it.
        frame: counted from 0.
        size: pixels a side.

    Raises:
        FootageError: the file is missing or ends before the frame.
    """
    yuv_TKW = np.empty((1, size * 3 // 2, size), np.uint8)
    read_clip(frames_dir, frames_file, frame, 1, 1, yuv_TKW)
    y = _stretched(yuv_TKW[0, :size], BLACK, LUMA_SPAN, 0)
    half = yuv_TKW[0, size:].reshape(2, size // 2, size // 2)
    colours = _stretched(half, NO_COLOUR, COLOUR_SPAN, NO_COLOUR)
    wide = colours.repeat(2, axis=1).repeat(2, axis=2)
    picture = Image.merge("YCbCr", [Image.fromarray(plane) for plane in (y, *wide)])
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def _stretched(
    plane: npt.NDArray[np.uint8], centre: int, span: int, to: int
) -> npt.NDArray[np.uint8]:
    full = (plane.astype(np.float32) - centre) * (FULL / span) + to
    return full.round().clip(0, FULL).astype(np.uint8)
