"""Plans what a shopper of the synthetic shop does, frame by frame.

Both classes do the same things: walk in, wait, reach to the shelf, take an item, put it somewhere,
and touch the other place empty-handed before or after. A customer carries the item to the basket
and only adjusts the coat; a thief conceals it in the coat and only touches the basket. The class
decides nothing but which of the two places gets the item; lengths, speeds, places and pauses are
drawn from the same distributions.

Points are sixteenths of a pixel at the size of a shopper of scale 1, from the place where the
shopper stands; x grows towards the shelf that is reached to, y downwards.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aislewatch.synth.raster import SUB, Point

FPS = 10

# Frames of a video, both ends included: 4 to 6.4 s. A length is drawn up to 5.2 s; only an act that
# needs more (the longest 60 frames, and 4 of waiting) gets it, so that few clips show mere waiting.
SHORTEST, LONGEST = 40, 64
_LONGEST_DRAWN = 52
_LEAST_WAITING = 4

Holder = Literal["shelf", "hand", "basket", "coat"]

COAT: Point = (9 * SUB, -92 * SUB)
BASKET: Point = (37 * SUB, -60 * SUB)
# Where a hand passes on its way to either place, an item in it or not.
_CHEST: Point = (34 * SUB, -92 * SUB)
_REST: Point = (2 * SUB, -58 * SUB)

# How far the shoulder leans towards a shelf while reaching, in sixteenths of a pixel.
_LEAN = 12 * SUB
# How far a shopper walks in a frame, in sixteenths of a pixel.
_STEP = 11 * SUB


@dataclass(frozen=True)
class ShopperPose:
    """Holds a shopper's pose in one frame.

    Attributes:
        feet: x of the feet; 0 is the place in front of the shelf.
        step: how far the feet are apart.
        lean: how far the shoulder is in front of the hip.
        hand: where the working hand is.
        item: who has the item.
    """

    feet: int
    step: int
    lean: int
    hand: Point
    item: Holder


@dataclass(frozen=True)
class Act:
    """Holds the poses of one video and the frames [start, end) in which the item is put away."""

    poses: tuple[ShopperPose, ...]
    start: int
    end: int


@dataclass(frozen=True)
class _Move:
    to: Point
    frames: int
    item: Holder


def perform(rng: np.random.Generator, shoplifts: bool, shelf: Point, may_walk_in: bool) -> Act:
    """Choose and time one shopper's act.

    Args:
        rng: draws the same numbers in the same order for both classes.
        shoplifts: the item goes to the coat, not to the basket.
        shelf: where the item stands.
        may_walk_in: the shopper may come from outside the picture; else stands there already.
    """
    wobble = [int(v) * SUB for v in rng.integers(-3, 4, 8)]
    coat = (COAT[0] + wobble[0], COAT[1] + 2 * wobble[1])
    basket = (BASKET[0] + wobble[2], BASKET[1] + wobble[3])
    rest = (_REST[0] + wobble[4], _REST[1] + 2 * wobble[5])
    chest = (_CHEST[0] + wobble[6], _CHEST[1] + 2 * wobble[7])
    goal, other = (coat, basket) if shoplifts else (basket, coat)
    holder: Holder = "coat" if shoplifts else "basket"
    # First, after, or both, so that a window of the decisive part shows a hand at both places.
    touches = int(rng.integers(1, 4))
    walk = int(rng.integers(7, 12)) * int(may_walk_in and rng.integers(0, 3) > 0)
    before = _touch(rng, chest, other, rest, "shelf") if touches & 1 else []
    reach = [_Move(shelf, int(rng.integers(4, 6)), "shelf"), _Move(shelf, 1, "shelf")]
    decisive = _put_away(rng, shelf, chest, goal, rest, holder)
    after = _touch(rng, chest, other, rest, holder) if touches & 2 else []
    busy = walk + _frames(before + reach + decisive + after)
    idle = max(_LEAST_WAITING, int(rng.integers(SHORTEST, _LONGEST_DRAWN + 1)) - busy)
    early = int(rng.integers(1, idle // 2 + 1))
    wait = [_Move(rest, early, "shelf")]
    end = [_Move(rest, idle - early, holder)]
    moves = [_Move(rest, walk, "shelf"), *wait, *before, *reach, *decisive, *after, *end]
    start = walk + early + _frames(before + reach)
    poses = _poses(rng, moves, rest, shelf, walk)
    return Act(tuple(poses), start, start + _frames(decisive))


def _touch(
    rng: np.random.Generator, chest: Point, place: Point, rest: Point, item: Holder
) -> list[_Move]:
    """Move the empty hand to a place and back."""
    up, there, stay, back = (int(v) for v in rng.integers((2, 2, 2, 3), (4, 4, 4, 5)))
    return [
        _Move(chest, up, item),
        _Move(place, there, item),
        _Move(place, stay, item),
        _Move(rest, back, item),
    ]


def _put_away(
    rng: np.random.Generator, shelf: Point, chest: Point, goal: Point, rest: Point, holder: Holder
) -> list[_Move]:
    """Act the 12 to 17 frames of the theft: take the item, carry it, let it go, draw back."""
    lift, carry, lower, stay, back = (
        int(v) for v in rng.integers((1, 3, 2, 2, 3), (3, 5, 4, 4, 5))
    )
    return [
        _Move(shelf, lift, "hand"),
        _Move(chest, carry, "hand"),
        _Move(goal, lower, "hand"),
        _Move(goal, 1, "hand"),
        _Move(goal, stay, holder),
        _Move(rest, back, holder),
    ]


def _frames(moves: list[_Move]) -> int:
    return sum(move.frames for move in moves)


def _poses(
    rng: np.random.Generator, moves: list[_Move], rest: Point, shelf: Point, walk: int
) -> list[ShopperPose]:
    poses: list[ShopperPose] = []
    here = rest
    for move in moves:
        for frame in range(1, move.frames + 1):
            x, y = (_ease(a, b, frame, move.frames) for a, b in zip(here, move.to, strict=True))
            sway = [int(v) for v in rng.integers(-SUB, SUB + 1, 3)]
            left = max(0, walk - len(poses))
            step = 0 if left == 0 else (9, 15, 9, 2)[len(poses) % 4] * SUB
            reach = max(0, x - rest[0]) * _LEAN // max(1, shelf[0] - rest[0])
            hand = (x + sway[0], y + sway[1])
            poses.append(ShopperPose(-left * _STEP, step, reach + sway[2] // 2, hand, move.item))
        here = move.to
    return poses


def _ease(a: int, b: int, frame: int, frames: int) -> int:
    """Go smoothly from a to b (smoothstep): a hand speeds up and slows down."""
    return a + (b - a) * (3 * frame * frame * frames - 2 * frame**3) // frames**3
