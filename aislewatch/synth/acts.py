"""Moves a shopper's hand: one act from rest to rest, with or without one of the goods.

Points are those of the choreography: sixteenths of a pixel at the size of a shopper of scale 1,
from the place where the shopper stands; x grows towards the shelf, y downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aislewatch.synth.raster import SUB, Point

Holder = Literal["shelf", "hand", "basket", "coat"]

COAT: Point = (9 * SUB, -92 * SUB)
BASKET: Point = (37 * SUB, -60 * SUB)
# Where a hand passes on its way to either place, an item in it or not.
_CHEST: Point = (34 * SUB, -92 * SUB)
_REST: Point = (2 * SUB, -58 * SUB)

# Frames, [least, beyond most), of each part of putting something from one place to another: the
# hand goes there, stays, comes to the chest, goes on, stays holding, stays empty, goes back.
_CARRYING = ((1, 4), (1, 3), (2, 5), (2, 5), (1, 3), (1, 4), (1, 4))
_TOUCHING = ((1, 4), (1, 3), (1, 4))


@dataclass(frozen=True)
class Act:
    """Holds where the hand is in each frame, which good it deals with, and who has that."""

    hand: list[Point]
    good: int = 0
    holder: list[Holder] | None = None


@dataclass(frozen=True)
class Places:
    """Holds where one shopper's hand goes: everybody's coat hangs a little differently."""

    chest: Point
    rest: Point
    of: dict[Holder, Point]


def own_places(rng: np.random.Generator) -> Places:
    """Draw where one shopper's hand goes."""
    w = [int(v) * SUB for v in rng.integers(-2, 3, 8)]
    return Places(
        chest=(_CHEST[0] + w[6], _CHEST[1] + 2 * w[7]),
        rest=(_REST[0] + w[4], _REST[1] + 2 * w[5]),
        of={
            "coat": (COAT[0] + w[0], COAT[1] + 2 * w[1]),
            "basket": (BASKET[0] + w[2], BASKET[1] + w[3]),
        },
    )


def carry(
    rng: np.random.Generator,
    places: Places,
    good: int,
    shelf: Point,
    goal: Holder,
    backwards: bool,
) -> Act:
    """Put a good from the shelf to its goal, from rest to rest; backwards, the same film reversed.

    The theft is all but the hand's way to the shelf: 6 to 18 frames.
    """
    there, stay, up, on, hold, empty, back = (int(rng.integers(*pair)) for pair in _CARRYING)
    way: list[tuple[Point, int, Holder]] = [
        (shelf, there, "shelf"),
        (shelf, stay, "shelf"),
        (places.chest, up, "hand"),
        (places.of[goal], on, "hand"),
        (places.of[goal], hold, "hand"),
        (places.of[goal], empty, goal),
        (places.rest, back, goal),
    ]
    hand = _path(places.rest, [(to, frames) for to, frames, _ in way])
    holder = [item for _, frames, item in way for _ in range(frames)]
    return Act(hand[::-1], good, holder[::-1]) if backwards else Act(hand, good, holder)


def touch(rng: np.random.Generator, places: Places, place: Holder) -> Act:
    """Move the empty hand to a place and back."""
    there, stay, back = (int(rng.integers(*pair)) for pair in _TOUCHING)
    way = [(places.of[place], there), (places.of[place], stay), (places.rest, back)]
    return Act(_path(places.rest, way))


def _path(start: Point, way: Sequence[tuple[Point, int]]) -> list[Point]:
    hand: list[Point] = []
    here = start
    for to, frames in way:
        for frame in range(1, frames + 1):
            hand.append(
                (_ease(here[0], to[0], frame, frames), _ease(here[1], to[1], frame, frames))
            )
        here = to
    return hand


def _ease(a: int, b: int, frame: int, frames: int) -> int:
    """Go smoothly from a to b (smoothstep): a hand speeds up and slows down."""
    return a + (b - a) * (3 * frame * frame * frames - 2 * frame**3) // frames**3
