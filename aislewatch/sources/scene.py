"""The synthetic shop as its two cameras see it: shelves, goods, shopper, light and sensor noise."""

from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

from aislewatch.sources.choreography import BASKET, Holder, Pose
from aislewatch.sources.raster import (
    SUB,
    Canvas,
    Colour,
    Point,
    capsule,
    polygon,
    rectangle,
    rgb,
    shade,
)

# Pixels; the size of UCF-Crime and of most of the footage the pipeline is tested on.
WIDTH, HEIGHT = 320, 240

# A shopper's scale and the light's gain are in sixty-fourths.
UNIT = 64

# Rows of shelves (pixels of a row's bottom edge) and the two of them at the height of a hand.
_ROWS = (68, 101, 134, 167)
_REACHED_ROWS = (101, 134)
_FLOOR_TOP = 172

# Upper arm and forearm, in sixteenths of a pixel.
_BONE = 34 * SUB


@dataclass(frozen=True)
class Camera:
    """A fixed viewpoint of the shop; ``scale`` and ``gain`` are in sixty-fourths."""

    name: str
    mirrored: bool
    wall: Colour
    floor: Colour
    scale: int
    gain: int


CAMERAS = (
    Camera("cam1", False, rgb(150, 150, 140), rgb(120, 112, 104), scale=64, gain=58),
    Camera("cam2", True, rgb(176, 162, 140), rgb(88, 96, 108), scale=70, gain=70),
)


@dataclass(frozen=True)
class Good:
    """One item on a shelf: the middle of its bottom edge and its size, in pixels."""

    x: int
    bottom: int
    width: int
    height: int
    colour: Colour


@dataclass(frozen=True)
class Shop:
    """What a camera sees while nobody is there."""

    camera: Camera
    canvas: Canvas
    goods: tuple[Good, ...]


@dataclass(frozen=True)
class Look:
    """All that distinguishes one recording from another, whatever its class.

    ``taken`` are the goods taken in turn, one in each part of the recording. Places are in
    pixels; ``scale`` and ``gain`` in sixty-fourths; ``noise`` in steps of luma.
    """

    place: int
    floor: int
    scale: int
    coat: Colour
    trousers: Colour
    skin: Colour
    hair: Colour
    basket: Colour
    contents: tuple[Colour, ...]
    taken: tuple[Good, ...]
    gain: int
    noise: int

    def at(self, point: Point) -> Point:
        """From the choreography's coordinates to sixteenths of a pixel in the picture."""
        return (
            self.place * SUB + point[0] * self.scale // UNIT,
            self.floor * SUB + point[1] * self.scale // UNIT,
        )

    def of(self, good: Good) -> Point:
        """Where a good stands, in the choreography's coordinates."""
        middle = good.bottom - good.height // 2
        return (
            (good.x - self.place) * SUB * UNIT // self.scale,
            (middle - self.floor) * SUB * UNIT // self.scale,
        )


def build_shop(rng: np.random.Generator, camera: Camera) -> Shop:
    """Furnish the shop in front of one camera."""
    canvas = np.zeros((3, HEIGHT, WIDTH), dtype=np.int16)
    rectangle(canvas, (0, 0), (WIDTH, HEIGHT), camera.wall)
    rectangle(canvas, (0, _FLOOR_TOP), (WIDTH, HEIGHT), camera.floor)
    for x in range(-160, 481, 40):
        near = WIDTH // 2 + (x - WIDTH // 2) * 2
        line = shade(camera.floor, -14)
        capsule(canvas, (x * SUB, _FLOOR_TOP * SUB), (near * SUB, HEIGHT * SUB), SUB, line)
    rectangle(canvas, (0, _ROWS[0] - 36), (WIDTH, _FLOOR_TOP), shade(camera.wall, -46))
    goods = []
    for row in _ROWS:
        x = int(rng.integers(2, 8))
        while x < WIDTH - 16:
            width, height = (int(v) for v in rng.integers((11, 17), (17, 26)))
            good = Good(x + width // 2, row - 3, width, height, _bright(rng))
            _draw_good(canvas, good)
            goods.append(good)
            x += width + int(rng.integers(2, 7))
        rectangle(canvas, (0, row - 3), (WIDTH, row), shade(camera.wall, 24))
    return Shop(camera, canvas, tuple(goods))


def choose_look(rng: np.random.Generator, shop: Shop) -> Look:
    """Draw a shopper, the place they stand at, the goods they take and the light."""
    scale = shop.camera.scale + int(rng.integers(-5, 6))
    place = int(rng.integers(85, 206))
    near, far = (place + reach * scale // UNIT for reach in (54, 78))
    reached = [g for g in shop.goods if g.bottom + 3 in _REACHED_ROWS and near <= g.x <= far]
    first, second = (int(v) for v in rng.permutation(len(reached))[:2])
    coat = rgb(*(int(v) for v in rng.integers(25, 200, 3)))
    skin = rgb(*[(224, 178, 150), (188, 138, 108), (122, 84, 62)][int(rng.integers(0, 3))])
    return Look(
        place=place,
        floor=int(rng.integers(208, 229)),
        scale=scale,
        coat=coat,
        trousers=rgb(*(int(v) for v in rng.integers(20, 110, 3))),
        skin=skin,
        hair=rgb(*[(40, 30, 26), (96, 66, 40), (160, 150, 140)][int(rng.integers(0, 3))]),
        basket=_bright(rng),
        contents=tuple(_bright(rng) for _ in range(int(rng.integers(0, 4)))),
        taken=(reached[first], reached[second]),
        gain=shop.camera.gain + int(rng.integers(-6, 7)),
        noise=int(rng.integers(1, 4)),
    )


def draw_frame(
    rng: np.random.Generator, shop: Shop, look: Look, pose: Pose, good: Good
) -> npt.NDArray[np.uint8]:
    """One frame as packed I420, uint8 ``(3/2 H, W)``."""
    canvas = shop.canvas.copy()
    if pose.item != "shelf":
        _erase_good(canvas, shop, good)
    _draw_shopper(canvas, look, pose, good.colour)
    if shop.camera.mirrored:
        canvas = canvas[:, :, ::-1]
    return _expose(rng, canvas, look)


def _draw_shopper(canvas: Canvas, look: Look, pose: Pose, colour: Colour) -> None:
    def at(x: int, y: int) -> Point:
        return look.at((pose.feet + x * SUB, y * SUB))

    def size(pixels: int) -> int:
        return pixels * SUB * look.scale // UNIT

    lean = pose.lean // SUB
    step = pose.step // SUB
    for foot in (step, -step):
        capsule(canvas, at(0, -66), at(foot, -5), size(8), look.trousers)
        capsule(canvas, at(foot, -3), at(foot + 7, -3), size(4), shade(look.trousers, -20))
    sleeve = shade(look.coat, -14)
    capsule(canvas, at(lean + 4, -112), at(37, -68), size(6), sleeve)
    _draw_basket(canvas, look, pose.feet, pose.item, colour)
    capsule(canvas, at(lean - 4, -112), at(lean + 4, -112), size(12), look.coat)
    body = [at(lean - 16, -114), at(lean + 16, -114), at(17, -56), at(-17, -56)]
    polygon(canvas, body, look.coat)
    capsule(canvas, at(lean + 11, -116), at(10, -58), size(1), shade(look.coat, -32))
    capsule(canvas, at(lean + 2, -136), at(lean + 2, -128), size(11), look.hair)
    capsule(canvas, at(lean + 6, -134), at(lean + 6, -130), size(9), look.skin)
    hand = look.at((pose.feet + pose.hand[0], pose.hand[1]))
    if pose.item == "hand":
        _draw_item(canvas, look, (hand[0] + size(3), hand[1] - size(4)), colour)
    shoulder = at(lean - 2, -110)
    elbow = _elbow(shoulder, hand, _BONE * look.scale // UNIT)
    capsule(canvas, shoulder, elbow, size(7), sleeve)
    capsule(canvas, elbow, hand, size(6), sleeve)
    capsule(canvas, hand, hand, size(5), look.skin)


def _draw_basket(canvas: Canvas, look: Look, feet: int, item: Holder, colour: Colour) -> None:
    def at(x: int, y: int) -> Point:
        return look.at((feet + BASKET[0] + x * SUB, BASKET[1] + y * SUB))

    capsule(canvas, at(-17, 4), at(17, 4), SUB * 2, shade(look.basket, -30))
    inside = (*look.contents, colour) if item == "basket" else look.contents
    for index, packed in enumerate(inside):
        _draw_item(canvas, look, at(9 * index - 13, 3), packed)
    polygon(canvas, [at(-18, 5), at(18, 5), at(14, 24), at(-14, 24)], look.basket)
    for y in (10, 16):
        capsule(canvas, at(-15, y), at(15, y), SUB, shade(look.basket, -30))


def _draw_item(canvas: Canvas, look: Look, middle: Point, colour: Colour) -> None:
    half = 3 * SUB * look.scale // UNIT
    top, bottom = (middle[0], middle[1] - half), (middle[0], middle[1] + half)
    capsule(canvas, top, bottom, 2 * half, shade(colour, -25))
    capsule(canvas, top, bottom, 3 * half // 2, colour)


def _elbow(shoulder: Point, hand: Point, bone: int) -> Point:
    """The joint of two equal bones, hanging down; a hand out of reach stretches the arm."""
    x, y = hand[0] - shoulder[0], hand[1] - shoulder[1]
    span = max(1, isqrt(x * x + y * y))
    out = isqrt(max(0, bone * bone - span * span // 4))
    sign = 1 if x >= 0 else -1
    return (
        shoulder[0] + x // 2 - sign * y * out // span,
        shoulder[1] + y // 2 + sign * x * out // span,
    )


def _draw_good(canvas: Canvas, good: Good) -> None:
    left, top = good.x - good.width // 2, good.bottom - good.height
    rectangle(canvas, (left, top), (left + good.width, good.bottom), good.colour)
    band = top + good.height // 3
    rectangle(canvas, (left, band), (left + good.width, band + 3), shade(good.colour, 40))


def _erase_good(canvas: Canvas, shop: Shop, good: Good) -> None:
    left, top = good.x - good.width // 2, good.bottom - good.height
    dark = shade(shop.camera.wall, -46)
    rectangle(canvas, (left, top), (left + good.width, good.bottom), dark)


def _bright(rng: np.random.Generator) -> Colour:
    return rgb(*(int(v) for v in rng.integers(60, 240, 3)))


def _expose(rng: np.random.Generator, canvas: Canvas, look: Look) -> npt.NDArray[np.uint8]:
    """Apply light and sensor noise and halve the chroma."""
    noise = rng.integers(-look.noise, look.noise + 1, (HEIGHT, WIDTH), dtype=np.int16)
    luma = 16 + ((canvas[0].astype(np.int32) - 16) * look.gain >> 6) + noise
    chroma = canvas[1:].reshape(2, HEIGHT // 2, 2, WIDTH // 2, 2).sum(axis=(2, 4)) // 4
    packed = np.concatenate([luma.reshape(-1), chroma.reshape(-1)])
    frame_KW: npt.NDArray[np.uint8] = np.clip(packed, 16, 240).astype(np.uint8)
    return frame_KW.reshape(HEIGHT * 3 // 2, WIDTH)
