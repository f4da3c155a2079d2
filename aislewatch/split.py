"""Divides groups of videos among train, val and test, each with its share of both classes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.assignment import QUANTITIES, SIDES, Counts, assign
from aislewatch.clips import CLASSES, NORMAL, SHOPLIFTING
from aislewatch.errors import SplitError


@dataclass(frozen=True)
class Targets:
    """Shares of the three sides, which add up to 1."""

    train: float
    val: float
    test: float

    def array(self) -> npt.NDArray[np.float64]:
        """(3,) in the order of ``SIDES``."""
        return np.array([self.train, self.val, self.test])


def split(
    clips: pd.DataFrame, groups: Mapping[str, str], targets: Targets, seed: int
) -> pd.DataFrame:
    """Add group and split to every clip.

    Deterministic, and independent of the order of rows: groups are taken by name.

    Args:
        clips: uses video and label (0 or 1).
        groups: the group of every video.
        targets: shares of the sides in clips, positives and negatives.
        seed: of the varied starts; it chooses among about equally good assignments.

    Raises:
        SplitError: fewer than three groups hold one of the classes, or one group is so large that
            the other sides would be left without footage.
    """
    grouped = clips.assign(group=clips["video"].map(groups))
    positives = grouped["label"].groupby(grouped["group"]).sum()
    sizes = grouped.groupby("group").size()
    counts_GQ = np.stack([sizes, positives, sizes - positives], axis=1).astype(np.int64)
    names = list(sizes.index)
    _refuse_too_few(counts_GQ)
    _refuse_too_large(names, counts_GQ, targets)
    sides_G = assign(counts_GQ, targets.array(), seed)
    side = {name: SIDES[s] for name, s in zip(names, sides_G, strict=True)}
    placed = grouped.assign(split=grouped["group"].map(side))
    return placed.sort_values(["video", "start"], ignore_index=True)


def _refuse_too_few(counts_GQ: Counts) -> None:
    for label, column in ((SHOPLIFTING, 1), (NORMAL, 2)):
        found = int((counts_GQ[:, column] > 0).sum())
        if found < len(SIDES):
            raise SplitError(
                f"too few videos to split: {found} independent group(s) hold {CLASSES[label]} "
                f"clips, {len(SIDES)} are needed so that train, val and test each get one. Add "
                f"{CLASSES[label]} footage of other recordings; cuts and copies of one recording "
                "count as one group (split.recording_suffix, validate.duplicate_share)"
            )


def _refuse_too_large(names: list[str], counts_GQ: Counts, targets: Targets) -> None:
    """A group that leaves the sides it is not on less than half of what they are owed."""
    share_GQ = counts_GQ / counts_GQ.sum(axis=0)
    largest = targets.array().max()
    group, quantity = np.unravel_index(int(share_GQ.argmax()), share_GQ.shape)
    share = float(share_GQ[group, quantity])
    if 1 - share < (1 - largest) / 2:
        raise SplitError(
            f"the group of {names[group]} holds {share:.1%} of all {QUANTITIES[quantity]}; on "
            f"whichever side it lies, a side misses its share by at least "
            f"{100 * (share - largest):.1f} points. Add other footage, or cut that recording down; "
            "if its videos do not belong together, see split.recording_suffix and "
            "validate.duplicate_share"
        )
