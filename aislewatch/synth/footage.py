"""Directs and draws the footage of one file: who is there when, in which light."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aislewatch.synth.choreography import FPS, LONGEST, ShopperPose, Visit, perform
from aislewatch.synth.figure import Appearance, choose_look, draw_shopper
from aislewatch.synth.raster import Canvas
from aislewatch.synth.scene import HEIGHT, WIDTH, Good, Shop, expose

# Pictures of sensor noise that a file goes through by chance; drawing one anew for every frame took
# as long as the shopper.
_NOISES = 16
# The light changes at once or within seconds, about so often; by at most so many sixty-fourths.
_LIGHT_EVERY = 60 * FPS
_RAMP = 8 * FPS
_LIGHTER = 14
# Of a long recording's visits, one in so many comes while another goes on.
_TOGETHER_EVERY = 4
# Frames without anybody between two visits of a long recording, [least, beyond most); one gap in so
# many is a long one.
_SHORT_GAP, _LONG_GAP = (2 * FPS, 8 * FPS), (60 * FPS, 150 * FPS)
_LONG_EVERY = 3


@dataclass(frozen=True)
class Shopper:
    """Holds one shopper's looks, the goods in reach, the visit, and the frame it begins at."""

    look: Appearance
    goods: tuple[Good, ...]
    visit: Visit
    first: int

    @property
    def end(self) -> int:
        """Return the frame after the last of the visit."""
        return self.first + len(self.visit.poses)


@dataclass(frozen=True)
class ShopFootage:
    """Holds all that a file shows: the shop, its shoppers, and the light of each frame."""

    shop: Shop
    shoppers: tuple[Shopper, ...]
    gains: npt.NDArray[np.int64]

    def thefts(self) -> list[tuple[float, float]]:
        """List start and end of each theft, seconds, in order of time."""
        return sorted(
            ((shopper.first + start) / FPS, (shopper.first + end) / FPS)
            for shopper in self.shoppers
            for start, end in shopper.visit.thefts
        )


def visit_of(
    shop: Shop,
    look_rng: np.random.Generator,
    act_rng: np.random.Generator,
    shoplifts: bool,
    first: int = 0,
    enters: bool = True,
    leaves: bool = True,
    beside: bool = False,
) -> Shopper:
    """Draw a shopper with ``look_rng`` and what he does with ``act_rng``."""
    look = choose_look(look_rng, shop.camera.scale, beside)
    goods = tuple(shop.within_reach(look.place, look.scale))
    points = [look.seen_from(good.x, good.bottom - good.height // 2) for good in goods]
    return Shopper(look, goods, perform(act_rng, shoplifts, points, enters, leaves), first)


def long_recording(
    shop: Shop, rng: np.random.Generator, frames: int, thief_every: int
) -> ShopFootage:
    """Let shoppers come and go, now and then two at once, with empty stretches between them.

    Every ``thief_every``-th who finds the shop empty is a thief; none at 0.
    """
    shoppers: list[Shopper] = []
    at, number = _gap(rng), 0
    while at + LONGEST < frames:
        number += 1
        one = visit_of(shop, rng, rng, bool(thief_every) and number % thief_every == 0, at)
        shoppers.append(one)
        end = one.end
        if rng.integers(_TOGETHER_EVERY) == 0 and one.first + 2 * LONGEST < frames:
            later = at + int(rng.integers(3 * FPS, 8 * FPS))
            other = visit_of(shop, rng, rng, False, later, beside=True)
            shoppers.append(other)
            end = max(end, other.end)
        at = end + _gap(rng)
    return ShopFootage(shop, tuple(shoppers), lights(rng, frames, shop.camera.gain))


def _gap(rng: np.random.Generator) -> int:
    return int(rng.integers(*(_SHORT_GAP if rng.integers(_LONG_EVERY) else _LONG_GAP)))


def lights(rng: np.random.Generator, frames: int, gain: int) -> npt.NDArray[np.int64]:
    """Draw the light of each frame: constant for a while, then switched or slowly changed."""
    gains = np.zeros(frames, np.int64)
    now, at = gain + int(rng.integers(-6, 7)), 0
    while at < frames:
        stay, ramp = int(rng.integers(_LIGHT_EVERY // 4, 2 * _LIGHT_EVERY)), int(rng.integers(2))
        gains[at : at + stay] = now
        at += stay
        to = gain + int(rng.integers(-_LIGHTER, _LIGHTER + 1))
        for step in range(ramp * _RAMP):
            gains[at : at + 1] = now + (to - now) * step // _RAMP
            at += 1
        now = to
    return gains


def draw_footage(footage: ShopFootage, rng: np.random.Generator) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames as packed I420, uint8 ``(3/2 H, W)``; an unchanged scene is drawn once."""
    deviation = int(rng.integers(1, 4))
    noises = rng.integers(-deviation, deviation + 1, (_NOISES, HEIGHT * WIDTH), dtype=np.int16)
    which = rng.integers(0, _NOISES, len(footage.gains)).tolist()
    shelves: dict[frozenset[Good], Canvas] = {}
    drawn: tuple[int, list[tuple[Shopper, ShopperPose]]] | None = None
    for frame, gain in enumerate(footage.gains.tolist()):
        poses = [
            (shopper, shopper.visit.poses[frame - shopper.first])
            for shopper in footage.shoppers
            if shopper.first <= frame < shopper.end
        ]
        if drawn != (gain, poses):
            drawn = gain, poses
            picture = expose(_scene(footage.shop, poses, shelves), gain)
        noisy = picture.copy()
        noisy[: HEIGHT * WIDTH] += noises[which[frame]]
        packed: npt.NDArray[np.uint8] = np.clip(noisy, 16, 240).astype(np.uint8)
        yield packed.reshape(HEIGHT * 3 // 2, WIDTH)


def _scene(
    shop: Shop,
    poses: Sequence[tuple[Shopper, ShopperPose]],
    shelves: dict[frozenset[Good], Canvas],
) -> Canvas:
    gone = frozenset(
        good
        for shopper, pose in poses
        for good, who in zip(shopper.goods, pose.items, strict=True)
        if who != "shelf"
    )
    if gone not in shelves:
        shelves[gone] = shop.without(gone).canvas
    canvas = shelves[gone].copy()
    # Who stands farther in front is drawn later.
    for shopper, pose in sorted(poses, key=lambda pair: pair[0].look.floor):
        draw_shopper(canvas, shopper.look, pose, [good.colour for good in shopper.goods])
    return canvas[:, :, ::-1] if shop.camera.mirrored else canvas
