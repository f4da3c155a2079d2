"""Draws the shopper of the synthetic shop: looks, limbs, basket and item."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np

from aislewatch.synth.acts import BASKET
from aislewatch.synth.choreography import ShopperPose
from aislewatch.synth.raster import (
    SUB,
    UNIT,
    Canvas,
    Colour,
    Point,
    capsule,
    polygon,
    rgb,
    shade,
    some_colour,
)

_SKINS = (rgb(224, 178, 150), rgb(188, 138, 108), rgb(122, 84, 62))
_HAIRS = (rgb(40, 30, 26), rgb(96, 66, 40), rgb(160, 150, 140))

# Pixels: where shoppers stand, [least, beyond most); two at once stand apart.
_IN_FRONT, _BESIDE = (68, 79), (18, 26)

# Upper arm and forearm each, in pixels at scale 1.
_BONE = 34


@dataclass(frozen=True)
class Appearance:
    """Holds all that distinguishes one shopper from another, thief or not.

    ``place`` and ``floor`` (where the feet are) are in pixels, ``scale`` in sixty-fourths.
    ``contents`` lie in the basket.
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

    def at(self, point: Point) -> Point:
        """Convert the choreography's coordinates to sixteenths of a pixel in the picture."""
        return (
            self.place * SUB + point[0] * self.scale // UNIT,
            self.floor * SUB + point[1] * self.scale // UNIT,
        )

    def seen_from(self, x: int, y: int) -> Point:
        """Convert a pixel of the picture to the choreography's coordinates."""
        return (
            (x - self.place) * SUB * UNIT // self.scale,
            (y - self.floor) * SUB * UNIT // self.scale,
        )


def choose_look(rng: np.random.Generator, scale: int, beside: bool) -> Appearance:
    """Draw a shopper around a camera's own ``scale``, in front of its shelf or ``beside`` there."""
    return Appearance(
        place=int(rng.integers(*(_BESIDE if beside else _IN_FRONT))),
        floor=int(rng.integers(109, 114)),
        scale=scale + int(rng.integers(-1, 2)),
        coat=rgb(*(int(v) for v in rng.integers(25, 200, 3))),
        trousers=rgb(*(int(v) for v in rng.integers(20, 110, 3))),
        skin=_SKINS[int(rng.integers(len(_SKINS)))],
        hair=_HAIRS[int(rng.integers(len(_HAIRS)))],
        basket=some_colour(rng),
        contents=tuple(some_colour(rng) for _ in range(int(rng.integers(0, 3)))),
    )


def draw_shopper(
    canvas: Canvas, look: Appearance, pose: ShopperPose, colours: Sequence[Colour]
) -> None:
    """Paint the shopper over the shop, from the far arm to the near one.

    ``colours`` are those of the goods that ``pose.items`` tells of.
    """
    _draw_legs(canvas, look, pose)
    sleeve, lean = shade(look.coat, -14), pose.lean
    _limb(canvas, look, pose.feet, (lean + 4 * SUB, -112 * SUB), (37 * SUB, -68 * SUB), 6, sleeve)
    bought = [colour for colour, who in zip(colours, pose.items, strict=True) if who == "basket"]
    _draw_basket(canvas, look, pose, bought)
    _draw_body(canvas, look, pose)
    hand = look.at((pose.feet + pose.hand[0], pose.hand[1]))
    for colour, who in zip(colours, pose.items, strict=True):
        if who == "hand":
            _draw_item(canvas, look, (hand[0] + _size(look, 3), hand[1] - _size(look, 4)), colour)
    shoulder = look.at((pose.feet + lean - 2 * SUB, -110 * SUB))
    elbow = _elbow(shoulder, hand, _size(look, _BONE))
    capsule(canvas, shoulder, elbow, _size(look, 7), sleeve)
    capsule(canvas, elbow, hand, _size(look, 6), sleeve)
    capsule(canvas, hand, hand, _size(look, 5), look.skin)


def _size(look: Appearance, pixels: int) -> int:
    return pixels * SUB * look.scale // UNIT


def _limb(
    canvas: Canvas, look: Appearance, feet: int, a: Point, b: Point, radius: int, colour: Colour
) -> None:
    start, end = look.at((feet + a[0], a[1])), look.at((feet + b[0], b[1]))
    capsule(canvas, start, end, _size(look, radius), colour)


def _draw_legs(canvas: Canvas, look: Appearance, pose: ShopperPose) -> None:
    for foot in (pose.step, -pose.step):
        shin, heel, toe = (foot, -5 * SUB), (foot, -3 * SUB), (foot + 7 * SUB, -3 * SUB)
        _limb(canvas, look, pose.feet, (0, -66 * SUB), shin, 8, look.trousers)
        _limb(canvas, look, pose.feet, heel, toe, 4, shade(look.trousers, -20))


def _draw_body(canvas: Canvas, look: Appearance, pose: ShopperPose) -> None:
    def limb(a: Point, b: Point, radius: int, colour: Colour) -> None:
        (ax, ay), (bx, by) = a, b
        up, low = (pose.lean + ax * SUB, ay * SUB), (pose.lean + bx * SUB, by * SUB)
        _limb(canvas, look, pose.feet, up, low, radius, colour)

    limb((-4, -112), (4, -112), 12, look.coat)
    upper = [(pose.lean + x * SUB, -114 * SUB) for x in (-16, 16)]
    lower = [(x * SUB, -56 * SUB) for x in (17, -17)]
    polygon(canvas, [look.at((pose.feet + x, y)) for x, y in upper + lower], look.coat)
    opening = (pose.lean + 11 * SUB, -116 * SUB), (10 * SUB, -58 * SUB)
    _limb(canvas, look, pose.feet, *opening, 1, shade(look.coat, -32))
    limb((2, -136), (2, -128), 11, look.hair)
    limb((6, -134), (6, -130), 9, look.skin)


def _draw_basket(
    canvas: Canvas, look: Appearance, pose: ShopperPose, bought: Sequence[Colour]
) -> None:
    def at(x: int, y: int) -> Point:
        return look.at((pose.feet + BASKET[0] + x * SUB, BASKET[1] + y * SUB))

    wire = shade(look.basket, -30)
    capsule(canvas, at(-17, 4), at(17, 4), 2 * SUB, wire)
    for index, packed in enumerate((*look.contents, *bought)):
        _draw_item(canvas, look, at(9 * index - 13, 3), packed)
    polygon(canvas, [at(-18, 5), at(18, 5), at(14, 24), at(-14, 24)], look.basket)
    for y in (10, 16):
        capsule(canvas, at(-15, y), at(15, y), SUB, wire)


def _draw_item(canvas: Canvas, look: Appearance, middle: Point, colour: Colour) -> None:
    half = _size(look, 6)
    top, bottom = (middle[0], middle[1] - half), (middle[0], middle[1] + half)
    capsule(canvas, top, bottom, 2 * half, shade(colour, -25))
    capsule(canvas, top, bottom, 3 * half // 2, colour)


def _elbow(shoulder: Point, hand: Point, bone: int) -> Point:
    """Find the joint of two equal bones, hanging down; a hand out of reach stretches the arm."""
    x, y = hand[0] - shoulder[0], hand[1] - shoulder[1]
    span = max(1, isqrt(x * x + y * y))
    out = isqrt(max(0, bone * bone - span * span // 4))
    sign = 1 if x >= 0 else -1
    return (
        shoulder[0] + x // 2 - sign * y * out // span,
        shoulder[1] + y // 2 + sign * x * out // span,
    )
