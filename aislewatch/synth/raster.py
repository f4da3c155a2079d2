"""Draws anti-aliased shapes in integer arithmetic, so that every machine draws the same pixels.

Positions and lengths are integers in sixteenths of a pixel (``SUB``). A canvas is int16
``(3, H, W)``: full-resolution Y, U and V, each 0–255.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import isqrt

import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.int16]
Colour = tuple[int, int, int]
Point = tuple[int, int]
# Pixels that a shape may touch: top, bottom, left, right.
Box = tuple[int, int, int, int]

# Sixteenths of a pixel: fine enough that a slow hand does not jump, and every square fits in int64.
SUB = 16
# Scales and gains are in sixty-fourths.
UNIT = 64

# Steps of coverage; 255 × 64 still fits into the canvas's int16.
_FULL = 64


def rgb(red: int, green: int, blue: int) -> Colour:
    """Convert a colour to limited-range BT.601 YUV."""
    return (
        ((66 * red + 129 * green + 25 * blue + 128) >> 8) + 16,
        ((-38 * red - 74 * green + 112 * blue + 128) >> 8) + 128,
        ((112 * red - 94 * green - 18 * blue + 128) >> 8) + 128,
    )


def shade(colour: Colour, luma: int) -> Colour:
    """Make the same hue lighter or darker by ``luma`` steps of Y."""
    return (max(16, min(235, colour[0] + luma)), colour[1], colour[2])


def some_colour(rng: np.random.Generator) -> Colour:
    """Draw a colour that is neither very dark nor very bright: for packages and baskets."""
    return rgb(*(int(v) for v in rng.integers(60, 240, 3)))


def rectangle(canvas: Canvas, corner: Point, end: Point, colour: Colour) -> None:
    """Fill from ``corner`` (left, top) up to but not including ``end``, both in whole pixels."""
    (left, top), (right, bottom) = corner, end
    canvas[:, top:bottom, left:right] = np.array(colour, dtype=np.int16)[:, None, None]


def capsule(canvas: Canvas, a: Point, b: Point, radius: int, colour: Colour) -> None:
    """Draw every point within ``radius`` of the segment a–b; a disc when a equals b."""
    height, width = canvas.shape[1:]
    _blend(canvas, *_capsule_cover(height, width, a, b, radius), colour)


def polygon(canvas: Canvas, corners: list[Point], colour: Colour) -> None:
    """Fill a convex polygon whose corners run clockwise on the screen."""
    height, width = canvas.shape[1:]
    _blend(canvas, *_polygon_cover(height, width, tuple(corners)), colour)


# Who stands and only moves an arm has the same legs, body and basket in frame after frame: kept
# covers halve the time of drawing. These many are a few shoppers'.
@lru_cache(maxsize=512)
def _capsule_cover(
    height: int, width: int, a: Point, b: Point, radius: int
) -> tuple[Box, npt.NDArray[np.int16]]:
    box = _box(height, width, (a, b), radius)
    x, y = _centres(box)
    along_x, along_y = b[0] - a[0], b[1] - a[1]
    length2 = max(1, along_x * along_x + along_y * along_y)
    # Twice as fast as numpy's clip on pieces this small, of which a shop has millions.
    dot = np.minimum(np.maximum((x - a[0]) * along_x + (y - a[1]) * along_y, 0), length2)
    away_x = x - a[0] - dot * along_x // length2
    away_y = y - a[1] - dot * along_y // length2
    distance2 = away_x * away_x + away_y * away_y
    # r − d = (r² − d²) / (r + d), and r + d is 2r at the edge, the only place where it matters.
    return box, _cover((radius * radius - distance2) // (2 * radius))


@lru_cache(maxsize=128)
def _polygon_cover(
    height: int, width: int, corners: tuple[Point, ...]
) -> tuple[Box, npt.NDArray[np.int16]]:
    box = _box(height, width, corners, 0)
    x, y = _centres(box)
    inside = np.full((y.shape[0], x.shape[1]), _FULL * SUB, dtype=np.int64)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        length = max(1, isqrt((bx - ax) ** 2 + (by - ay) ** 2))
        np.minimum(inside, ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) // length, out=inside)
    return box, _cover(inside)


def _box(bottom: int, right: int, points: Sequence[Point], margin: int) -> Box:
    """Return the pixels that may be touched, inside a canvas that ends at ``bottom``, ``right``."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (
        min(bottom, max(0, (min(ys) - margin) // SUB - 1)),
        max(0, min(bottom, (max(ys) + margin) // SUB + 2)),
        min(right, max(0, (min(xs) - margin) // SUB - 1)),
        max(0, min(right, (max(xs) + margin) // SUB + 2)),
    )


def _centres(box: Box) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    top, bottom, left, right = box
    x = np.arange(left, right, dtype=np.int64)[None, :] * SUB + SUB // 2
    y = np.arange(top, bottom, dtype=np.int64)[:, None] * SUB + SUB // 2
    return x, y


def _cover(inside: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """Tell how far each pixel is covered whose centre lies ``inside`` (sixteenths) the shape."""
    wide = np.maximum(_FULL // 2 + inside * (_FULL // SUB), 0)
    return np.minimum(wide, _FULL).astype(np.int16)


def _blend(canvas: Canvas, box: Box, cover: npt.NDArray[np.int16], colour: Colour) -> None:
    """Mix in ``colour`` by how far each pixel is covered."""
    top, bottom, left, right = box
    region = canvas[:, top:bottom, left:right]
    region += ((np.array(colour, dtype=np.int16)[:, None, None] - region) * cover) >> 6
