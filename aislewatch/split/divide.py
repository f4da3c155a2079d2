"""Divides groups of videos among train, val and test, each with its share of both classes."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.errors import SplitError
from aislewatch.segment.clips import CLASSES, NORMAL_CLASS, SHOPLIFTING_CLASS
from aislewatch.split.assignment import POINT, QUANTITIES, SIDES, Counts, Floats, Sharing
from aislewatch.split.groups import Grouping
from aislewatch.split.solver import Answer, solve
from aislewatch.tables import places


@dataclass(frozen=True)
class Targets:
    """Holds the three sides' shares, which add up to 1, and the points by which each may miss."""

    train: float
    val: float
    test: float
    tolerance_points: float

    def array(self) -> npt.NDArray[np.float64]:
        """Return the shares (3,) in the order of ``SIDES``."""
        return np.array([self.train, self.val, self.test])


@dataclass(frozen=True)
class Division:
    """Holds a finished split.

    Args:
        splits: the clips of videos that take part, with group and split, by video and start.
        asked: (S, Q) the share of clips, positives and negatives that each side should get.
    """

    splits: pd.DataFrame
    asked: Floats


def split(clips: pd.DataFrame, grouping: Grouping, targets: Targets) -> Division:
    """Add group and split to every clip of the videos that take part.

    Nothing is drawn at random, and the order of rows does not matter.

    Args:
        clips: uses video and label (0 or 1).
        grouping: of all videos.
        targets: shares of the sides in clips, positives and negatives. Where official sides are
            followed, they are asked for what those leave open.

    Raises:
        SplitError: fewer than three groups hold one of the classes, or no assignment of the groups
            comes near enough to the targets.
    """
    grouped = clips.assign(group=clips["video"].map(grouping.groups)).dropna(subset="group")
    # Alike groups are dealt out in this order, which must follow neither camera, date nor class.
    names = sorted(grouped["group"].unique(), key=_digest)
    sizes = grouped.groupby("group").size()[names]
    positives = grouped.groupby("group")["label"].sum()[names]
    counts_GQ = np.stack([sizes, positives, sizes - positives], axis=1).astype(np.int64)
    _refuse_too_few(counts_GQ)
    sharing = _sharing(names, counts_GQ, grouping, targets)
    # Whole clips may not allow the tolerance even if each lay by itself; that is no group's fault.
    tolerance_Q = np.maximum(targets.tolerance_points, sharing.rounding)
    answer = solve(sharing, tolerance_Q)
    if answer.sides is None or answer.violation > 0:
        raise SplitError(_refusal(sharing, answer, tolerance_Q, names, grouping))
    side = {name: SIDES[s] for name, s in zip(names, answer.sides, strict=True)}
    placed = grouped.assign(split=grouped["group"].map(side))
    return Division(placed.sort_values(["video", "start"], ignore_index=True), sharing.targets)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _sharing(
    names: Sequence[str], counts_GQ: Counts, grouping: Grouping, targets: Targets
) -> Sharing:
    """Let every group ask for the sides' shares on those that its authors leave open."""
    official_GS = np.array([[side in grouping.official[name] for side in SIDES] for name in names])
    shares_GS = official_GS * targets.array()
    shares_GS /= shares_GS.sum(axis=1, keepdims=True)
    return Sharing(
        counts=counts_GQ,
        allowed=np.array([[side in grouping.sides[name] for side in SIDES] for name in names]),
        targets=shares_GS.T @ counts_GQ / counts_GQ.sum(axis=0),
    )


def _refuse_too_few(counts_GQ: Counts) -> None:
    for label, column in ((SHOPLIFTING_CLASS, 1), (NORMAL_CLASS, 2)):
        found = int((counts_GQ[:, column] > 0).sum())
        if found < len(SIDES):
            raise SplitError(
                f"too few videos to split: {found} independent group(s) hold {CLASSES[label]} "
                f"clips, {len(SIDES)} are needed so that train, val and test each get one. Add "
                f"{CLASSES[label]} footage of other recordings; cuts and copies of one recording "
                "count as one group (split.recording_suffix, split.keep_together, "
                "validate.duplicate_share)"
            )


def _refusal(
    sharing: Sharing,
    answer: Answer,
    tolerance_Q: Floats,
    names: Sequence[str],
    grouping: Grouping,
) -> str:
    """Name the group that is in the way, and the best split that can be had."""
    settled = int((sharing.allowed.sum(axis=1) == 1).sum())
    fixed = (
        f" {settled} of {len(names)} groups have their side from {places.ASSIGNMENTS} or their "
        "authors."
        if settled
        else ""
    )
    if answer.sides is None:
        found = (
            "no assignment of the groups leaves" if answer.proven else "none was found that leaves"
        )
        return (
            f"{found} train, val and test each with both classes."
            f"{fixed} Add footage of other recordings, or free groups by removing their rows from "
            f"{places.ASSIGNMENTS}"
        )
    totals_SQ = sharing.totals(answer.sides)
    missed_SQ = np.abs(sharing.deviations(answer.sides))
    over_SQ = np.where(missed_SQ > tolerance_Q, missed_SQ, 0.0)
    quantity = int(over_SQ.max(axis=0).argmax())
    group = int(sharing.counts[:, quantity].argmax())
    share = sharing.counts[group, quantity] / sharing.total[quantity]
    joined = grouping.causes.get(names[group])
    ties = f", tied by {', '.join(joined)}" if joined else ""
    proof = (
        "no assignment of whole groups does better (proven)"
        if answer.proven
        else "the search was cut short, a better one may exist"
    )
    needed = math.ceil(over_SQ.max() / POINT) * POINT
    return (
        f"the groups do not allow a split within {tolerance_Q[quantity]:g} point(s) of what was "
        f"asked in {QUANTITIES[quantity]}. The largest group, that of {names[group]}{ties}, holds "
        f"{share:.1%} of them.{fixed} Best reachable: {_shares(totals_SQ, sharing)}; it misses by "
        f"{over_SQ.max():.2f} points, and {proof}. Add other footage, cut that recording down, "
        "tie fewer videos (split.keep_together, split.recording_suffix, "
        f"validate.duplicate_share), or accept it: split.tolerance_points: {needed:.2f}"
    )


def _shares(totals_SQ: Counts, sharing: Sharing) -> str:
    percent_SQ = 100 * totals_SQ / sharing.total
    sides = zip(SIDES, percent_SQ, strict=True)
    parts = [f"{side} {'/'.join(f'{p:.1f}' for p in percent_Q)}" for side, percent_Q in sides]
    return f"{', '.join(parts)} % of {'/'.join(QUANTITIES)}"
