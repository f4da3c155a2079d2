"""Draws the synthetic shop as its two cameras see it: shelves, goods, light."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aislewatch.synth.raster import (
    SUB,
    UNIT,
    Canvas,
    Colour,
    capsule,
    rectangle,
    rgb,
    shade,
    some_colour,
)

# Pixels: the small second stream of a camera, as recorders keep it for long. Four hours of it are
# rendered and decoded in the time of one in UCF-Crime's 320 x 240.
WIDTH, HEIGHT = 160, 120

# Pixels: the bottom edge of each row of shelves; goods on the rows within reach can be taken.
_ROWS = (21, 39, 57, 75)
_REACHED_ROWS = (39, 57)
_BOARD = 2
_FLOOR_TOP = 78

# The back of the shelves is so much darker than the wall, in steps of luma.
_RECESS = -46

# How far in front of a shopper a good must stand to be taken, in pixels at scale 1: the arm is
# stretched, and the hand clearly away from basket and coat.
_REACH = (50, 80)


@dataclass(frozen=True)
class Camera:
    """Describes a fixed viewpoint of the shop; ``scale`` and ``gain`` are in sixty-fourths."""

    name: str
    mirrored: bool
    wall: Colour
    floor: Colour
    scale: int
    gain: int


CAMERAS = (
    Camera("cam1", False, rgb(150, 150, 140), rgb(120, 112, 104), scale=40, gain=58),
    Camera("cam2", True, rgb(176, 162, 140), rgb(88, 96, 108), scale=44, gain=70),
)


@dataclass(frozen=True)
class Good:
    """Describes one item on a shelf: the middle of its bottom edge and its size, in pixels."""

    x: int
    bottom: int
    width: int
    height: int
    colour: Colour


@dataclass(frozen=True)
class Shop:
    """Holds what a camera sees while nobody is there."""

    camera: Camera
    canvas: Canvas
    goods: tuple[Good, ...]

    def without(self, goods: Iterable[Good]) -> "Shop":
        """Return the shop after ``goods`` were taken."""
        canvas = self.canvas.copy()
        for good in goods:
            _fill(canvas, good, shade(self.camera.wall, _RECESS))
        return Shop(self.camera, canvas, self.goods)

    def within_reach(self, place: int, scale: int) -> list[Good]:
        """List goods in reach of a shopper of this scale (sixty-fourths) at ``place``."""
        near, far = (place + reach * scale // UNIT for reach in _REACH)
        rows = [row - _BOARD for row in _REACHED_ROWS]
        return [good for good in self.goods if good.bottom in rows and near <= good.x <= far]


def build_shop(rng: np.random.Generator, camera: Camera) -> Shop:
    """Furnish the shop in front of one camera."""
    canvas = np.zeros((3, HEIGHT, WIDTH), dtype=np.int16)
    rectangle(canvas, (0, 0), (WIDTH, HEIGHT), camera.wall)
    rectangle(canvas, (0, _FLOOR_TOP), (WIDTH, HEIGHT), camera.floor)
    for x in range(-WIDTH // 2, WIDTH * 3 // 2 + 1, WIDTH // 8):
        far, near = (x * SUB, _FLOOR_TOP * SUB), ((2 * x - WIDTH // 2) * SUB, HEIGHT * SUB)
        capsule(canvas, far, near, SUB, shade(camera.floor, -14))
    rectangle(canvas, (0, _ROWS[0] - 19), (WIDTH, _FLOOR_TOP), shade(camera.wall, _RECESS))
    goods = []
    for row in _ROWS:
        rectangle(canvas, (0, row - _BOARD), (WIDTH, row), shade(camera.wall, 24))
        x = int(rng.integers(1, 5))
        while x < WIDTH - 10:
            width, height = (int(v) for v in rng.integers((6, 9), (10, 14)))
            good = Good(x + width // 2, row - _BOARD, width, height, some_colour(rng))
            _draw_good(canvas, good)
            goods.append(good)
            x += width + int(rng.integers(1, 4))
    return Shop(camera, canvas, tuple(goods))


def _draw_good(canvas: Canvas, good: Good) -> None:
    _fill(canvas, good, good.colour)
    left, band = good.x - good.width // 2, good.bottom - good.height * 2 // 3
    rectangle(canvas, (left, band), (left + good.width, band + 2), shade(good.colour, 40))


def _fill(canvas: Canvas, good: Good, colour: Colour) -> None:
    left, top = good.x - good.width // 2, good.bottom - good.height
    rectangle(canvas, (left, top), (left + good.width, good.bottom), colour)


def expose(canvas: Canvas, gain: int) -> npt.NDArray[np.int16]:
    """Apply the light (``gain`` in sixty-fourths), halve the chroma: packed I420, int16 (KW,)."""
    luma = 16 + ((canvas[0].astype(np.int32) - 16) * gain // UNIT)
    u_and_v = canvas[1:]
    rows = u_and_v[:, ::2] + u_and_v[:, 1::2]
    chroma = (rows[..., ::2] + rows[..., 1::2]) // 4
    return np.concatenate([luma.reshape(-1), chroma.reshape(-1)]).astype(np.int16)
