"""Where one picture lies in another: mirrored, cropped, framed, stretched.

The still pictures decide it, by normalised correlation. What a pose leaves outside does not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from aislewatch.footage.fingerprint import CELLS

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

Picture = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One side of a pose: b's place is ``scale`` × a's + ``place``, in cells.

    ``shares_CC`` are whole 16ths of b's cells in a's; ``inside_C`` tells which of a's b covers.
    """

    scale: float
    place: float
    shares_CC: npt.NDArray[np.float64]
    inside_C: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pose:
    """How b's picture is drawn in a's."""

    mirrored: bool
    y: Side
    x: Side

    def draw(self, b_XYX: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """b's pictures in a's cells, (..., 16, 16), 256 times as large, 0 outside."""
        turned = b_XYX[..., ::-1] if self.mirrored else b_XYX
        drawn: npt.NDArray[np.float64] = self.y.shares_CC @ turned @ self.x.shares_CC.T
        return drawn

    def inside(self) -> npt.NDArray[np.float64]:
        """1 where b covers a's picture, else 0."""
        return np.outer(self.y.inside_C, self.x.inside_C).astype(np.float64)


def side_of(scale: float, place: float) -> Side:
    """The side with this scale and place."""
    edges = scale * np.arange(CELLS + 1) + place
    low, high = edges[:-1, None], edges[1:, None]
    cell = np.arange(CELLS)
    inside = np.clip(np.minimum(high, cell + 1) - np.maximum(low, cell), 0, None) / scale
    shares = np.rint(inside * SHARES)
    covered = inside.sum(axis=1) > 0.99
    shares[~covered] = 0
    return Side(scale, place, shares, covered)


# What the middle's likeness counts less than that of the whole: bars above and below are left out
# of it as a logo is, and yet move the picture.
MIDDLE_COUNTS_LESS = 0.05

# Rows at the top and the bottom, where logos and clocks are burned in.
BAND = 3

UPRIGHT = Pose(False, side_of(1.0, 0.0), side_of(1.0, 0.0))
MIRRORED = Pose(True, UPRIGHT.y, UPRIGHT.x)
# Only what lies between the bands.
_MIDDLE = replace(
    UPRIGHT.y, inside_C=np.repeat([False, True, False], [BAND, CELLS - 2 * BAND, BAND])
)


@cache
def _sides() -> tuple[list[Side], list[Side]]:
    """All sides that are tried, and those of the first look."""
    smaller = np.arange(1 - SIDE_STEP / 2, SHORTEST_SIDE, -SIDE_STEP).tolist()
    fine = [side_of(1.0, 0.0)]
    coarse = [fine[0]]
    for n, share in enumerate(smaller):
        for scale in (share, 1 / share):
            low, high = sorted((0.0, CELLS - scale * CELLS))
            count = max(2, int(np.ceil((high - low) / PLACE_STEP)) + 1)
            fine += [side_of(scale, p) for p in np.linspace(low, high, count).tolist()]
            if n % COARSE_SIDE == COARSE_SIDE - 1:
                rough = max(2, count // COARSE_PLACE + 1)
                coarse += [side_of(scale, p) for p in np.linspace(low, high, rough).tolist()]
    return fine, coarse


def plain_likeness(a: Picture, b: Picture, mirrored: bool) -> float:
    """Normalised correlation of two pictures as they are, −1 to 1; 0 where one is flat.

    The better one of the whole picture and, for less, of what lies between the bands for logos.
    """
    whole, middle = _likeness(a, b, mirrored, [UPRIGHT.y, _MIDDLE], [UPRIGHT.x])[:, 0].tolist()
    return float(max(whole, middle - MIDDLE_COUNTS_LESS))


def find_pose(pairs: Sequence[tuple[Picture, Picture]], mirrored: bool) -> tuple[float, Pose]:
    """The best of about 20,000 poses, and its likeness, in that of the pairs where it is best.

    Args:
        pairs: still pictures of a and b, (16, 16), whole grey levels, taken at about one time.
        mirrored: whether b is mirrored.
    """
    fine, coarse = _sides()
    found = np.stack([_likeness(a, b, mirrored, coarse, coarse) for a, b in pairs])
    if found.max() < PROMISING:
        return float(found.max()), UPRIGHT
    best = (-1.0, UPRIGHT, pairs[0])
    for flat in np.argsort(-found, axis=None, kind="stable")[:KEPT].tolist():
        pair, y, x = np.unravel_index(flat, found.shape)
        ys, xs = _near(coarse[y], fine), _near(coarse[x], fine)
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


def _around(side: Side, step: float) -> list[Side]:
    """The side itself and the 8 around it, whose ends lie a step away."""
    low, high = side.place, side.place + side.scale * CELLS
    ends = [(low + i * step, high + j * step) for i in (0, -1, 1) for j in (0, -1, 1)]
    return [side_of((end - start) / CELLS, start) for start, end in ends]


def _near(side: Side, sides: list[Side]) -> list[Side]:
    middle = CELLS / 2
    return [
        other
        for other in sides
        if abs(other.scale / side.scale - 1) <= NEAR_SIDE
        and abs((other.scale - side.scale) * middle + other.place - side.place) <= NEAR_PLACE
    ]


def _likeness(
    a: Picture, b: Picture, mirrored: bool, ys: list[Side], xs: list[Side]
) -> npt.NDArray[np.float64]:
    """Normalised correlation in every pose: (len(ys), len(xs)).

    Sums are of whole numbers below 2⁵³, so they are exact in any order.
    """
    turned = b[:, ::-1] if mirrored else b
    shares_yCC = np.array([side.shares_CC for side in ys])
    shares_xCC = np.array([side.shares_CC for side in xs])
    inside_yC = np.array([side.inside_C for side in ys], np.float64)
    inside_xC = np.array([side.inside_C for side in xs], np.float64)
    shares_yCC = shares_yCC * inside_yC[:, :, None]
    drawn = (shares_yCC @ turned)[:, None] @ shares_xCC.transpose(0, 2, 1)[None]
    count = np.outer(inside_yC.sum(axis=1), inside_xC.sum(axis=1))
    sum_a = inside_yC @ a @ inside_xC.T
    square_a = inside_yC @ (a * a) @ inside_xC.T
    sum_b = drawn.sum(axis=(2, 3))
    square_b = np.einsum("yxij,yxij->yx", drawn, drawn)
    both = np.einsum("yxij,ij->yx", drawn, a)
    spread_a = count * square_a - sum_a**2
    spread_b = count * square_b - sum_b**2
    least = FLAT * count**2
    shown = (spread_a >= least) & (spread_b >= least * float(SHARES) ** 4)
    scale = np.sqrt(np.where(shown, spread_a, 1.0)) * np.sqrt(np.where(shown, spread_b, 1.0))
    return np.where(shown, (count * both - sum_a * sum_b) / scale, 0.0)


def blur(pictures_XYX: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pictures (..., 16, 16) spread over a cell around, 16 times as large."""
    blurred: npt.NDArray[np.float64] = _BLUR @ pictures_XYX @ _BLUR
    return blurred


_BLUR = 2 * np.eye(CELLS) + np.eye(CELLS, k=1) + np.eye(CELLS, k=-1)
