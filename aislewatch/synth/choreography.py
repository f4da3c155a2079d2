"""Plans what a shopper of the synthetic shop does, frame by frame.

Both classes do the same things: walk in, wait, take goods to the basket or back from it, touch coat
and basket empty-handed, walk out. What decides is the order in time: a thief takes an item from
the shelf and conceals it in the coat; the customer's counterpart is the same movement backwards,
an item out of the coat and back onto the shelf. Each of its poses occurs in both classes.

Points are sixteenths of a pixel at the size of a shopper of scale 1, from the place where the
shopper stands; x grows towards the shelf that is reached to, y downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aislewatch.synth.acts import Act, Holder, Places, carry, own_places, touch
from aislewatch.synth.raster import SUB, Point

# Frames a second of the cameras, as recorders keep them for weeks: a hand's way of 2 to 6 s is seen
# in 6 to 18 pictures, and lies nearly whole in a clip of 16.
FPS = 3

# Frames of a visit, both ends included: 10 to 40 s.
SHORTEST, LONGEST = 10 * FPS, 40 * FPS
# Frames of a theft, both ends included: 2 to 6 s.
BRIEFEST, SLOWEST = 2 * FPS, 6 * FPS

# How far the shoulder leans towards a shelf while reaching, in sixteenths of a pixel.
_LEAN = 12 * SUB
# How far a shopper walks in a frame, in sixteenths of a pixel, and in how many frames he is out of
# the picture from anywhere in it.
_STEP = 34 * SUB
_WALK = 7
# Frames for which a waiting shopper keeps still: an unchanged picture is not drawn anew.
_STILL = 3


# What a shopper does beside the one act that decides, each as often as another: where a good goes
# to from the shelf, and whether backwards; None touches a place empty-handed.
_OTHERS: tuple[tuple[Holder, bool] | None, ...] = (
    ("basket", False),
    ("basket", True),
    ("coat", True),
    ("coat", True),
    None,
)


@dataclass(frozen=True)
class ShopperPose:
    """Holds a shopper's pose in one frame.

    Attributes:
        feet: x of the feet; 0 is the place in front of the shelf.
        step: how far the feet are apart.
        lean: how far the shoulder is in front of the hip.
        hand: where the working hand is.
        items: who has each of the goods in reach.
    """

    feet: int
    step: int
    lean: int
    hand: Point
    items: tuple[Holder, ...]


@dataclass(frozen=True)
class Visit:
    """Holds the poses of one visit and the frames [start, end) of each theft in it."""

    poses: tuple[ShopperPose, ...]
    thefts: tuple[tuple[int, int], ...]


def perform(
    rng: np.random.Generator, shoplifts: bool, goods: Sequence[Point], enters: bool, leaves: bool
) -> Visit:
    """Choose and time what one shopper does.

    Args:
        rng: draws the same numbers in the same order for both classes.
        shoplifts: one of the goods goes from the shelf to the coat; else it may come the other way.
        goods: where the goods in reach stand, at least one.
        enters: the shopper comes from outside the picture; else stands there already.
        leaves: the shopper goes out of the picture.
    """
    places = own_places(rng)
    own, *free = (int(v) for v in rng.permutation(len(goods)))
    others = [int(v) for v in rng.integers(0, len(_OTHERS), int(rng.integers(2, 4)))]
    decisive = int(rng.integers(len(others) + 1))
    buys = rng.integers(4) == 0 and not shoplifts
    goal: Holder = "basket" if buys else "coat"
    backwards = not shoplifts and not buys
    holders: list[Holder] = ["shelf"] * len(goods)
    acts: list[Act] = []
    for number in range(len(others) + 1):
        if number == decisive:
            acts.append(carry(rng, places, own, goods[own], goal, backwards))
        elif (other := _OTHERS[others.pop()]) is None or not free:
            acts.append(touch(rng, places, "coat" if rng.integers(2) else "basket"))
        else:
            good = free.pop()
            acts.append(carry(rng, places, good, goods[good], *other))
    for act in acts:
        if act.holder is not None:
            holders[act.good] = act.holder[0]
    return _timed(rng, places, acts, decisive if shoplifts else None, holders, enters, leaves)


def _timed(
    rng: np.random.Generator,
    places: Places,
    acts: Sequence[Act],
    theft: int | None,
    holders: list[Holder],
    enters: bool,
    leaves: bool,
) -> Visit:
    """Spread the acts over the visit, with waiting before, between and behind them."""
    walks = _WALK * (enters + leaves)
    busy = walks + sum(len(act.hand) for act in acts)
    idle = max(2 * (len(acts) + 1), int(rng.integers(SHORTEST, LONGEST + 1)) - busy)
    idle = min(idle, LONGEST - busy)
    cuts = np.sort(rng.integers(0, idle + 1, len(acts))).tolist()
    waits = np.diff([0, *cuts, idle]).tolist()
    items = tuple(holders)
    hands, having, thefts = [places.rest] * (_WALK * enters), [items] * (_WALK * enters), []
    for number, wait in enumerate(waits):
        hands += [places.rest] * wait
        having += [items] * wait
        if number < len(acts):
            act, begun = acts[number], len(hands)
            hands += act.hand
            if act.holder is None:
                having += [items] * len(act.hand)
            else:
                for holder in act.holder:
                    items = (*items[: act.good], holder, *items[act.good + 1 :])
                    having.append(items)
                if number == theft:
                    thefts.append((begun + act.holder.index("hand") - 1, len(hands)))
    hands += [places.rest] * (_WALK * leaves)
    having += [items] * (_WALK * leaves)
    poses = _poses(rng, places, hands, having, enters, leaves)
    return Visit(tuple(poses), tuple(thefts))


def _poses(
    rng: np.random.Generator,
    places: Places,
    hands: Sequence[Point],
    having: Sequence[tuple[Holder, ...]],
    enters: bool,
    leaves: bool,
) -> list[ShopperPose]:
    poses = []
    sways = rng.integers(-SUB, SUB + 1, (len(hands) // _STILL + 1, 3)).repeat(_STILL, axis=0)
    for frame, ((x, y), items, sway) in enumerate(zip(hands, having, sways.tolist(), strict=False)):
        left = max(0, _WALK - frame) if enters else 0
        gone = max(0, frame - (len(hands) - 1 - _WALK)) if leaves else 0
        step = (9, 15, 9, 2)[frame % 4] * SUB if left or gone else 0
        lean = max(0, x - places.rest[0]) * _LEAN // (70 * SUB) + sway[2] // 2
        hand = (x + sway[0], y + sway[1])
        poses.append(ShopperPose((gone - left) * _STEP, step, lean, hand, items))
    return poses
