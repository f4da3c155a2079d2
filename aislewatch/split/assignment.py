"""States what is shared out among train, val and test, and how far an assignment is from it."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

SIDES = ["train", "val", "test"]
# What is shared out, by column of every array below with a last dimension Q.
QUANTITIES = ["clips", "positives", "negatives"]

# A hundredth of all clips, positives or negatives.
POINT = 0.01

Counts = npt.NDArray[np.int64]
Sides = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sharing:
    """Holds what is to be shared out, and what would be right.

    Args:
        counts: (G, Q) clips, positives and negatives of every group, int64.
        allowed: (G, S) the sides on which a group may lie, bool, at least one each.
        targets: (S, Q) share of each quantity that a side should get; columns add up to 1.
    """

    counts: Counts
    allowed: npt.NDArray[np.bool_]
    targets: Floats

    @cached_property
    def total(self) -> Counts:
        """Sum each quantity over all groups: (Q,)."""
        total_Q: Counts = self.counts.sum(axis=0)
        return total_Q

    @cached_property
    def rounding(self) -> Floats:
        """Return the points (Q,) by which sides must miss at best, because clips are whole.

        With 29 positives, 70/15/15 is 20.3, 4.35 and 4.35: nothing comes nearer than 2.24 points.
        """
        exact_SQ = self.targets * self.total
        down_SQ = np.floor(exact_SQ)
        best_Q = np.full(len(QUANTITIES), np.inf)
        for up in product((0, 1), repeat=len(SIDES)):
            whole_SQ = down_SQ + np.array(up)[:, None]
            worst_Q = np.abs(whole_SQ - exact_SQ).max(axis=0) / self.total / POINT
            fits_Q = whole_SQ.sum(axis=0) == self.total
            best_Q = np.where(fits_Q, np.minimum(best_Q, worst_Q), best_Q)
        return best_Q

    def totals(self, sides_G: Sides) -> Counts:
        """Count what each side holds, (S, Q)."""
        return np.stack([self.counts[sides_G == side].sum(axis=0) for side in range(len(SIDES))])

    def deviations(self, sides_G: Sides) -> Floats:
        """Return the points (S, Q) by which sides miss the targets; positive is too much."""
        points: Floats = (self.totals(sides_G) / self.total - self.targets) / POINT
        return points

    def violation(self, sides_G: Sides | None, tolerance_Q: Floats) -> float:
        """Return the points by which an assignment leaves the tolerance.

        0 where it keeps it, infinite where a side lacks a class or there is no assignment.
        """
        if sides_G is None or not (self.totals(sides_G)[:, 1:] > 0).all():
            return np.inf
        over_SQ = np.abs(self.deviations(sides_G)) - tolerance_Q
        # A millionth of a point is rounding of the quotients, not footage.
        return float(max(0.0, round(over_SQ.max(), 6)))
