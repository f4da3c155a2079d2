"""Finds where one picture lies in another: mirrored, cropped, framed, stretched.

The still pictures decide it, by normalised correlation. What a pose leaves outside does not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from aislewatch.frames.fingerprint import CELLS

# Parts in which a cell's share in another is counted, so that sums are whole numbers.
SHARES = 16

# How much of the larger picture's side the smaller one has, and cells from one place to the next.
SHORTEST_SIDE = 0.66
SIDE_STEP = 0.04
PLACE_STEP = 0.5
# The first look takes every third side and every second place.
COARSE_SIDE, COARSE_PLACE = 3, 3
# Best poses of the first look from which the second starts, and how far it goes: the length of a
# side (shares) and the place (cells).
KEPT = 3
NEAR_SIDE, NEAR_PLACE = 0.13, 1.6

# Likeness in the first look below which the others, which take 25 times as long, are spared. At 0.6
# a frame around a picture was missed (1 of 2 in the tests).
PROMISING = 0.5

# Cells by which the ends of a side move in the last look, and moves at most.
FINER = (0.3, 0.15)
MOVES = 6

# Variance of a picture, in squared grey levels, below which it shows nothing to tell poses by.
FLAT = 4.0

Floats = npt.NDArray[np.float64]
Picture = Floats


@dataclass(frozen=True)
class Side:
    """Holds one side of a pose: b's place is ``scale`` × a's + ``place``, in cells.

    ``shares_CC`` are whole 16ths of b's cells in a's; ``inside_C`` tells which of a's b covers.
    """

    scale: float
    place: float
    shares_CC: npt.NDArray[np.float64]
    inside_C: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pose:
    """Says how b's picture is drawn in a's."""

    mirrored: bool
    y: Side
    x: Side

    def draw(self, b_XYX: Floats) -> Floats:
        """Draw b's pictures in a's cells, (..., 16, 16), 256 times as large, 0 outside."""
        turned = b_XYX[..., ::-1] if self.mirrored else b_XYX
        drawn: Floats = self.y.shares_CC @ turned @ self.x.shares_CC.T
        return drawn

    def inside(self) -> Floats:
        """Return 1 where b covers a's picture, else 0."""
        return np.outer(self.y.inside_C, self.x.inside_C).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Sides:
    """Holds S sides, each as ``Side`` has it."""

    scale_S: Floats
    place_S: Floats
    shares_SCC: Floats
    inside_SC: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scale_S)

    def __getitem__(self, number: int) -> Side:
        return Side(
            float(self.scale_S[number]),
            float(self.place_S[number]),
            self.shares_SCC[number],
            self.inside_SC[number],
        )

    @cached_property
    def products(self) -> Floats:
        """Compute what each two of b's cells share in a's, sharesᵀ · shares: (S, 256)."""
        return (self.shares_SCC.transpose(0, 2, 1) @ self.shares_SCC).reshape(len(self), -1)


def sides_of(scale: Sequence[float] | Floats, place: Sequence[float] | Floats) -> Sides:
    """Make the sides with these scales and places."""
    scale_S, place_S = np.asarray(scale, np.float64), np.asarray(place, np.float64)
    edges = scale_S[:, None] * np.arange(CELLS + 1) + place_S[:, None]
    low, high = edges[:, :-1, None], edges[:, 1:, None]
    cell = np.arange(CELLS)
    common = np.minimum(high, cell + 1) - np.maximum(low, cell)
    inside = np.maximum(common, 0) / scale_S[:, None, None]
    shares = np.rint(inside * SHARES)
    covered = inside.sum(axis=2) > 0.99
    shares[~covered] = 0
    return Sides(scale_S, place_S, shares, covered)


# Rows at the top and the bottom, where logos and clocks are burned in.
BAND = 3

_WHOLE = sides_of([1.0], [0.0])

UPRIGHT = Pose(False, _WHOLE[0], _WHOLE[0])
MIRRORED = Pose(True, _WHOLE[0], _WHOLE[0])


@cache
def _sides() -> tuple[Sides, Sides]:
    """Make all sides that are tried, and those of the first look."""
    smaller = np.arange(1 - SIDE_STEP / 2, SHORTEST_SIDE, -SIDE_STEP).tolist()
    fine = [(1.0, 0.0)]
    coarse = [fine[0]]
    for n, share in enumerate(smaller):
        for scale in (share, 1 / share):
            low, high = sorted((0.0, CELLS - scale * CELLS))
            count = max(2, int(np.ceil((high - low) / PLACE_STEP)) + 1)
            fine += [(scale, p) for p in np.linspace(low, high, count).tolist()]
            if n % COARSE_SIDE == COARSE_SIDE - 1:
                rough = max(2, count // COARSE_PLACE + 1)
                coarse += [(scale, p) for p in np.linspace(low, high, rough).tolist()]
    return sides_of(*zip(*fine, strict=True)), sides_of(*zip(*coarse, strict=True))


def find_pose(pairs: Sequence[tuple[Picture, Picture]], mirrored: bool) -> tuple[float, Pose]:
    """Find the best of about 20,000 poses, and its likeness in the pair where it is best.

    Args:
        pairs: still pictures of a and b, (16, 16), whole grey levels, taken at about one time.
        mirrored: whether b is mirrored.
    """
    _, coarse = _sides()
    found = np.stack([_likeness(a, b, mirrored, coarse, coarse) for a, b in pairs])
    if found.max() < PROMISING:
        return float(found.max()), UPRIGHT
    best = (-1.0, UPRIGHT, pairs[0])
    for flat in np.argsort(-found, axis=None, kind="stable")[:KEPT].tolist():
        pair, y, x = np.unravel_index(flat, found.shape)
        ys, xs = _near(int(y)), _near(int(x))
        around = _likeness(*pairs[pair], mirrored, ys, xs)
        i, j = divmod(int(around.argmax()), len(xs))
        if around[i, j] > best[0]:
            best = (float(around[i, j]), Pose(mirrored, ys[i], xs[j]), pairs[pair])
    likeness, pose, (a, b) = best
    for step in FINER:
        likeness, pose = _climb(a, b, (likeness, pose), step)
    return likeness, pose


def _climb(a: Picture, b: Picture, best: tuple[float, Pose], step: float) -> tuple[float, Pose]:
    """Move to the best pose around until none is better."""
    for _ in range(MOVES):
        ys, xs = _around(best[1].y, step), _around(best[1].x, step)
        found = _likeness(a, b, best[1].mirrored, ys, xs)
        i, j = divmod(int(found.argmax()), len(xs))
        if found[i, j] <= best[0]:
            break
        best = (float(found[i, j]), Pose(best[1].mirrored, ys[i], xs[j]))
    return best


def _around(side: Side, step: float) -> Sides:
    """Return the side itself and the 8 around it, whose ends lie a step away."""
    starts, ends = np.repeat(_STEPS, 3) * step, np.tile(_STEPS, 3) * step
    start_S = side.place + starts
    return sides_of((side.place + side.scale * CELLS + ends - start_S) / CELLS, start_S)


_STEPS = np.array([0, -1, 1])


@cache
def _near(number: int) -> Sides:
    """Return the sides around one of the first look."""
    fine, coarse = _sides()
    side, middle = coarse[number], CELLS / 2
    near = np.abs(fine.scale_S / side.scale - 1) <= NEAR_SIDE
    moved_S = (fine.scale_S - side.scale) * middle + fine.place_S - side.place
    near &= np.abs(moved_S) <= NEAR_PLACE
    return sides_of(fine.scale_S[near], fine.place_S[near])


def _likeness(a: Picture, b: Picture, mirrored: bool, ys: Sides, xs: Sides) -> Floats:
    """Compute the normalised correlation in every pose: (len(ys), len(xs)).

    No picture is drawn: its sums with a, with itself and with 1 are products of what y and x do.
    They are of whole numbers below 2⁵³, so they are exact in any order.
    """
    turned = b[:, ::-1] if mirrored else b
    inside_yC, inside_xC = ys.inside_SC.astype(np.float64), xs.inside_SC.astype(np.float64)
    tall_yCC = (ys.shares_SCC * inside_yC[:, :, None]) @ turned
    both = tall_yCC.reshape(len(ys), -1) @ (a @ xs.shares_SCC).reshape(len(xs), -1).T
    sum_b = tall_yCC.sum(axis=1) @ xs.shares_SCC.sum(axis=1).T
    square_b = (tall_yCC.transpose(0, 2, 1) @ tall_yCC).reshape(len(ys), -1) @ xs.products.T
    count = np.outer(inside_yC.sum(axis=1), inside_xC.sum(axis=1))
    sum_a = inside_yC @ a @ inside_xC.T
    square_a = inside_yC @ (a * a) @ inside_xC.T
    spread_a = count * square_a - sum_a**2
    spread_b = count * square_b - sum_b**2
    least = FLAT * count**2
    shown = (spread_a >= least) & (spread_b >= least * float(SHARES) ** 4)
    scale = np.sqrt(np.where(shown, spread_a, 1.0)) * np.sqrt(np.where(shown, spread_b, 1.0))
    return np.where(shown, (count * both - sum_a * sum_b) / scale, 0.0)


def blur(pictures_XYX: Floats) -> Floats:
    """Spread pictures (..., 16, 16) over a cell around, 16 times as large."""
    blurred: Floats = _BLUR @ pictures_XYX @ _BLUR
    return blurred


_BLUR = 2 * np.eye(CELLS) + np.eye(CELLS, k=1) + np.eye(CELLS, k=-1)
