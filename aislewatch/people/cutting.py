"""Cuts people's squares out of a video and makes features of them; inside the sandbox only."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aislewatch.people.graphs import YUV, open_session
from aislewatch.people.watching import OneByOne, read_frames

# What a job reads in its folder: (N, 2 + 3 R) int64, a row a person, by frame: frame, number of the
# way; left, top, side of the square of each of R regions, in pixels of the picture as displayed.
PLAN = "plan.npy"

# Frames of a way that are held, and whose features are computed at once.
TOGETHER = 16

# What lies beside a picture that is smaller than a square, in Y, U, V.
BLACK = (16, 128, 128)


def squares_name(way: int) -> str:
    """Name the file of a way's squares, packed I420 frames, in a job's folder."""
    return f"{way:06d}.squares"


def features_name(way: int) -> str:
    """Name the file of a way's features in a job's folder."""
    return f"{way:06d}.features"


def cut(request: dict[str, Any]) -> dict[str, Any]:
    """Write two files a way into the working folder.

    Args:
        request: as of every job (``watching.watch``); of this one: graph (file), size (width and
            height of the frames to cut from, pixels), square (pixels a side).

    Raises:
        QuarantinedError: the video cannot be decoded.
    """
    cutter = Cutter(request, np.load(PLAN, allow_pickle=False))
    read_frames(request, tuple(request["size"]), cutter)
    return {"frames": cutter.seen}


class Cutter(OneByOne):
    """Writes each square to its way's file, with its features."""

    def __init__(self, request: dict[str, Any], plan: NDArray[np.int64]) -> None:
        size = request["size"]
        super().__init__((size[0], size[1]), request["n_frames"])
        self._scale = size[0] / request["width"], size[1] / request["height"]
        self._session = open_session(Path(request["graph"]))
        self._square = request["square"]
        self._rows = np.split(plan, np.searchsorted(plan[:, 0], np.arange(1, self._n_frames)))
        self._held: dict[int, list[NDArray[np.uint8]]] = {}
        # Where each way ends, so that nothing of it is held after that.
        self._lasts = {int(way): int(frame) for frame, way in plan[:, :2]}

    def take(self, frame: int, yuv_KW: NDArray[np.uint8]) -> None:
        """Cut the squares of all who are in the frame."""
        for _, way, *places in self._rows[frame].tolist():
            held = self._held.setdefault(way, [])
            squares_R3 = np.reshape(places, (-1, 3))
            held.append(cut_squares(yuv_KW, self._scale, squares_R3, self._square))
            if len(held) == TOGETHER or frame == self._lasts[way]:
                self._write(way, self._held.pop(way))

    def _write(self, way: int, held: list[NDArray[np.uint8]]) -> None:
        frames = np.stack(held)
        [features] = self._session.run(None, {YUV: frames})
        for name, values in ((squares_name(way), frames), (features_name(way), features)):
            with Path(name).open("ab") as file:
                file.write(values.tobytes())


def cut_squares(
    yuv_KW: NDArray[np.uint8],
    scale: tuple[float, float],
    squares_R3: NDArray[np.int64],
    square: int,
) -> NDArray[np.uint8]:
    """Cut a person's squares out of a picture; return them packed, uint8 (3/2 R square, square).

    Args:
        yuv_KW: the picture, packed I420.
        scale: pixels of the picture for one as displayed, across and down.
        squares_R3: left, top, side of each region, pixels as displayed.
        square: pixels a side of what is returned of each.
    """
    places = [(left, top, side) for left, top, side in squares_R3.tolist()]
    return np.concatenate([cut_square(yuv_KW, scale, place, square) for place in places])


def cut_square(
    yuv_KW: NDArray[np.uint8],
    scale: tuple[float, float],
    place: tuple[int, int, int],
    square: int,
) -> NDArray[np.uint8]:
    """Cut a square out of a picture; return it packed, uint8 (3/2 square, square).

    Args:
        yuv_KW: the picture, packed I420.
        scale: pixels of the picture for one as displayed, across and down.
        place: left, top, side, pixels as displayed.
        square: pixels a side of what is returned.
    """
    height, width = yuv_KW.shape[0] * 2 // 3, yuv_KW.shape[1]
    flat, whole = yuv_KW.reshape(-1), width * height
    left, top, side = place
    parts = []
    for number, (first, part) in enumerate(((0, 1), (whole, 2), (whole * 5 // 4, 2))):
        shape = height // part, width // part
        plane = flat[first : first + shape[0] * shape[1]].reshape(shape)
        wide, high = (one / part for one in scale)
        box = (left * wide, top * high, (left + side) * wide, (top + side) * high)
        parts.append(scaled(plane, box, square // part, BLACK[number]).reshape(-1))
    return np.concatenate(parts).reshape(-1, square)


def scaled(
    plane: NDArray[np.uint8], box: tuple[float, float, float, float], size: int, beside: int
) -> NDArray[np.uint8]:
    """Scale a part of a plane to ``size`` × ``size``, with ``beside`` where there is no plane.

    Args:
        plane: uint8 (H, W).
        box: left, top, right, bottom; parts of pixels count.
        size: pixels a side.
        beside: value of what lies beside the plane.
    """
    height, width = plane.shape
    image = Image.fromarray(plane)
    left, top, right, bottom = box
    inside = max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height)
    if inside == box:
        return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box))
    filled = np.full((size, size), beside, np.uint8)
    # The picture's own part of the square, in its pixels.
    per_pixel = np.array([size / (right - left), size / (bottom - top)] * 2)
    corners = (np.array(inside) - np.array([left, top] * 2)) * per_pixel
    x0, y0, x1, y1 = np.rint(corners).astype(int).clip(0, size).tolist()
    if x1 > x0 and y1 > y0:
        small = image.resize((x1 - x0, y1 - y0), Image.Resampling.BICUBIC, inside)
        filled[y0:y1, x0:x1] = np.asarray(small)
    return filled
