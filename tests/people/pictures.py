"""Pictures and films with bright squares, which the tiny detector takes for people."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.people.tiny_detector import BLOB

WIDTH, HEIGHT = 96, 64
Place = tuple[int, int]


def picture(places: Iterable[Place], width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Luminance with a bright square, its left upper corner at each place."""
    grey = np.full((height, width), 30, np.uint8)
    for left, top in places:
        grey[top : top + BLOB, left : left + BLOB] = 235
    return grey


def i420(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack luminance without colour."""
    height, width = grey.shape
    return np.concatenate([grey, np.full((height // 2, width), 128, np.uint8)])


def write_film(
    path: Path,
    frames: Sequence[Sequence[Place]],
    fps: int = 10,
    size: Place = (WIDTH, HEIGHT),
    gap_at: int = 10**9,
) -> Path:
    """Write a film, a frame for every list of places; from ``gap_at`` on they come 10 s later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        options = {"crf": "10", "preset": "fast", "bf": "0"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, places in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(i420(picture(places, *size)), "yuv420p")
            frame.pts, frame.time_base = number + 10 * fps * (number >= gap_at), Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
