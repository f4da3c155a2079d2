"""Divides groups of videos among train, val and test, each with its share of both classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.errors import SplitError
from aislewatch.segment.clips import CLASSES, NORMAL, SHOPLIFTING
from aislewatch.split.assignment import (
    POINT,
    QUANTITIES,
    SIDES,
    Counts,
    Floats,
    Sides,
    Task,
    assign,
)
from aislewatch.split.groups import Grouping
from aislewatch.split.reachability import decide, excess
from aislewatch.tables import places


@dataclass(frozen=True)
class Targets:
    """Shares of the three sides, which add up to 1, and the points by which each may miss."""

    train: float
    val: float
    test: float
    tolerance_points: float

    def array(self) -> npt.NDArray[np.float64]:
        """(3,) in the order of ``SIDES``."""
        return np.array([self.train, self.val, self.test])


@dataclass(frozen=True)
class Division:
    """A finished split.

    Args:
        splits: the clips of videos that take part, with group and split, by video and start.
        asked: (S, Q) the share of clips, positives and negatives that each side should get.
    """

    splits: pd.DataFrame
    asked: Floats


def split(clips: pd.DataFrame, grouping: Grouping, targets: Targets, seed: int) -> Division:
    """Add group and split to every clip of the videos that take part.

    Deterministic, and independent of the order of rows: groups are taken by name.

    Args:
        clips: uses video and label (0 or 1).
        grouping: of all videos.
        targets: shares of the sides in clips, positives and negatives. Where official sides are
            followed, they are asked for what those leave open.
        seed: of the varied starts; it chooses among about equally good assignments.

    Raises:
        SplitError: fewer than three groups hold one of the classes, or no assignment of the groups
            comes near enough to the targets.
    """
    grouped = clips.assign(group=clips["video"].map(grouping.groups)).dropna(subset="group")
    positives = grouped["label"].groupby(grouped["group"]).sum()
    sizes = grouped.groupby("group").size()
    counts_GQ = np.stack([sizes, positives, sizes - positives], axis=1).astype(np.int64)
    names = [str(name) for name in sizes.index]
    _refuse_too_few(counts_GQ)
    task = _task(names, counts_GQ, grouping, targets)
    # Whole clips may not allow the tolerance even if each lay by itself; that is no group's fault.
    tolerance_Q = np.maximum(targets.tolerance_points, task.rounding)
    sides_G = assign(task, seed)
    if excess(task, sides_G, tolerance_Q) > 0:
        answer = decide(task, tolerance_Q)
        found = [sides_G] if answer.sides is None else [sides_G, answer.sides]
        sides_G = min(found, key=lambda sides: excess(task, sides, tolerance_Q))
        if excess(task, sides_G, tolerance_Q) > 0:
            raise SplitError(_refusal(task, sides_G, answer.proven, tolerance_Q, names, grouping))
    side = {name: SIDES[s] for name, s in zip(names, sides_G, strict=True)}
    placed = grouped.assign(split=grouped["group"].map(side))
    return Division(placed.sort_values(["video", "start"], ignore_index=True), task.targets)


def _task(names: Sequence[str], counts_GQ: Counts, grouping: Grouping, targets: Targets) -> Task:
    """Every group asks for the sides' shares on those that its authors leave open."""
    official_GS = np.array([[side in grouping.official[name] for side in SIDES] for name in names])
    shares_GS = official_GS * targets.array()
    shares_GS /= shares_GS.sum(axis=1, keepdims=True)
    return Task(
        counts=counts_GQ,
        allowed=np.array([[side in grouping.sides[name] for side in SIDES] for name in names]),
        targets=shares_GS.T @ counts_GQ / counts_GQ.sum(axis=0),
    )


def _refuse_too_few(counts_GQ: Counts) -> None:
    for label, column in ((SHOPLIFTING, 1), (NORMAL, 2)):
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
    task: Task,
    best_G: Sides,
    proven: bool,
    tolerance_Q: Floats,
    names: Sequence[str],
    grouping: Grouping,
) -> str:
    """Which group is in the way, and the best split that can be had."""
    settled = int((task.allowed.sum(axis=1) == 1).sum())
    fixed = (
        f" {settled} of {len(names)} groups have their side from {places.ASSIGNMENTS} or their "
        "authors."
        if settled
        else ""
    )
    if excess(task, best_G, tolerance_Q) == math.inf:
        return (
            "no assignment of the groups leaves train, val and test each with both classes."
            f"{fixed} Add footage of other recordings, or free groups by removing their rows from "
            f"{places.ASSIGNMENTS}"
        )
    totals_SQ = task.totals(best_G)
    missed_SQ = np.abs(task.deviations(totals_SQ[None])[0])
    over_SQ = np.where(missed_SQ > tolerance_Q, missed_SQ, 0.0)
    quantity = int(over_SQ.max(axis=0).argmax())
    group = int(task.counts[:, quantity].argmax())
    share = task.counts[group, quantity] / task.total[quantity]
    joined = grouping.causes.get(names[group])
    ties = f", tied by {', '.join(joined)}" if joined else ""
    proof = (
        "no assignment of whole groups does better (proven)"
        if proven
        else "the search was cut short, a better one may exist"
    )
    needed = math.ceil(over_SQ.max() / POINT) * POINT
    return (
        f"the groups do not allow a split within {tolerance_Q[quantity]:g} point(s) of what was "
        f"asked in {QUANTITIES[quantity]}. The largest group, that of {names[group]}{ties}, holds "
        f"{share:.1%} of them.{fixed} Best reachable: {_shares(totals_SQ, task)}; it misses by "
        f"{over_SQ.max():.2f} points, and {proof}. Add other footage, cut that recording down, "
        "tie fewer videos (split.keep_together, split.recording_suffix, "
        f"validate.duplicate_share), or accept it: split.tolerance_points: {needed:.2f}"
    )


def _shares(totals_SQ: Counts, task: Task) -> str:
    percent_SQ = 100 * totals_SQ / task.total
    sides = zip(SIDES, percent_SQ, strict=True)
    parts = [f"{side} {'/'.join(f'{p:.1f}' for p in percent_Q)}" for side, percent_Q in sides]
    return f"{', '.join(parts)} % of {'/'.join(QUANTITIES)}"
