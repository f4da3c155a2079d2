"""Decides whether footage has drifted: block permutation, so that video's memory alarms nobody.

Looks at one camera resemble their neighbours for minutes: a test that takes them for independent
finds drift nearly always. Here the units are blocks of an hour or more of one camera, whose labels
(reference, new) are permuted; what a camera does at the same hour every day is taken out first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

# Chance of a false alarm on footage that does not drift, over all cameras and figures together.
LEVEL = 0.05

# Blocks on either side below which nothing is decided; blocks are joined to longer ones while both
# sides keep as many: 8 against 8 can be labelled in 12,870 ways, and long blocks depend the least
# on each other.
MIN_BLOCKS = 8

# Difference, in standard deviations of the reference's blocks, below which it matters to nobody.
RELEVANT = 1.0

# Permutations a camera. The least p value is one in so many, times the number of cameras; more are
# drawn where there are more than 20 cameras.
PERMUTATIONS = 1999
PER_CAMERA = 100


@dataclass(frozen=True)
class Shift:
    """One figure of one camera, before and now.

    Args:
        camera: its name.
        figure: a column of the blocks: ``light``, ``score`` …
        before: mean over the reference's blocks, in the figure's unit.
        now: mean over the new blocks.
        spread: standard deviation of the reference's blocks.
        p: chance of such a difference in any figure of any camera where nothing drifts; at most 1.
        drifted: p is at most the level, and the difference matters.
    """

    camera: str
    figure: str
    before: float
    now: float
    spread: float
    p: float
    drifted: bool

    def describe(self) -> str:
        """Say it in words."""
        way = "rose" if self.now > self.before else "fell"
        return (
            f"{self.figure} of camera {self.camera} {way} from {self.before:.3g} to {self.now:.3g} "
            f"(p = {self.p:.2g})"
        )


@dataclass(frozen=True)
class Drift:
    """What was decided.

    Args:
        shifts: every figure that could be judged, the surest first.
        unjudged: cameras with too little footage, and why, in words.
    """

    shifts: tuple[Shift, ...]
    unjudged: tuple[str, ...]

    @property
    def drifted(self) -> tuple[Shift, ...]:
        """Return what has drifted."""
        return tuple(shift for shift in self.shifts if shift.drifted)


def find_drift(
    blocks: pd.DataFrame,
    figures: Sequence[str],
    level: float = LEVEL,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Drift:
    """Compare new footage with the reference, camera by camera.

    Args:
        blocks: a row an hour of a camera, in the order of time: ``camera``, ``new`` (bool),
            ``hour`` (of the day, -1 where unknown), and the figures; NaN where one is not known.
        figures: names of their columns.
        level: chance of a false alarm, over everything.
        permutations: drawn a camera.
        seed: of the draws.

    Returns:
        The same for the same input.
    """
    cameras = sorted(blocks["camera"].unique())
    drawn = max(permutations, PER_CAMERA * len(cameras))
    shifts, unjudged = [], []
    for camera in cameras:
        own = blocks[blocks["camera"] == camera]
        known = [name for name in figures if own[name].notna().all()]
        values, is_new, widening = joined(own, known)
        n_new, n_old = int(is_new.sum()), int((~is_new).sum())
        if min(n_new, n_old) < MIN_BLOCKS:
            unjudged.append(
                f"camera {camera}: {n_old} blocks of reference and {n_new} new ones can be "
                f"compared, {MIN_BLOCKS} of each are needed"
            )
            continue
        rng = np.random.default_rng(seed)
        p_F = np.minimum(1.0, permuted(values, is_new, drawn, rng, widening) * len(cameras))
        old, new = values[~is_new], values[is_new]
        for place, figure in enumerate(known):
            before, now = old[:, place].mean(), new[:, place].mean()
            spread = old[:, place].std(ddof=1)
            matters = bool(abs(now - before) >= RELEVANT * spread and now != before)
            drifted = bool(p_F[place] <= level) and matters
            shifts.append(Shift(camera, figure, before, now, spread, float(p_F[place]), drifted))
    shifts.sort(key=lambda shift: (not shift.drifted, shift.p, shift.camera, shift.figure))
    return Drift(tuple(shifts), tuple(unjudged))


def joined(
    own: pd.DataFrame, figures: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], float]:
    """Take the hours' rhythm out of a camera's blocks, and join them to the longest that do.

    Returns:
        float64 (blocks, figures); bool (blocks), whether each is new; and how much wider than its
        permutations a difference is spread where nothing drifts, since the hours' means took
        freedom and the blocks still resemble their neighbours. Hours of the day that only one side
        has are left out.
    """
    sides = own.groupby("hour")["new"].transform("nunique")
    both = own[sides == 2]
    values = both[list(figures)].to_numpy(np.float64)
    is_new = both["new"].to_numpy(bool)
    if len(both):
        hourly = both.groupby("hour")[list(figures)].transform("mean").to_numpy(np.float64)
        values = values - hourly + values.mean(axis=0)
    fewest = min(int(is_new.sum()), int((~is_new).sum()))
    length = max(1, fewest // MIN_BLOCKS)
    parts = [_means(values[is_new == side], length) for side in (False, True)]
    labels = [np.full(len(part), side) for part, side in zip(parts, (False, True), strict=True)]
    free = max(1, len(both) - 1) / max(1, len(both) - both["hour"].nunique())
    memory = _memory(parts)
    widening = float(np.sqrt(free * (1 + memory) / (1 - memory)))
    return np.concatenate(parts), np.concatenate(labels), widening


def permuted(
    values: npt.NDArray[np.float64],
    is_new: npt.NDArray[np.bool_],
    permutations: int,
    rng: np.random.Generator,
    widening: float = 1.0,
) -> npt.NDArray[np.float64]:
    """Return each figure's p value, corrected for the number of figures (Westfall and Young 1993).

    The statistic of a figure is the difference of means over the standard deviation of all blocks;
    each is held against the largest of all figures under permuted labels.

    Args:
        values: float64 (blocks, figures).
        is_new: bool (blocks).
        permutations: of the labels.
        rng: draws them.
        widening: by which permuted differences are multiplied.
    """
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    labels = np.concatenate(
        [is_new[None], rng.permuted(np.tile(is_new, (permutations, 1)), axis=1)]
    )
    n_new = int(is_new.sum())
    # Values are centred: the mean of the old ones follows from the sum of the new ones.
    size = np.abs(labels.astype(np.float64) @ scaled) * (1 / n_new + 1 / (len(is_new) - n_new))
    largest = widening * size[1:].max(axis=1, initial=0.0)
    # A permutation that gives the same split differs from it in the last bits.
    as_large = largest[:, None] >= size[0] - 1e-9
    p_F: npt.NDArray[np.float64] = (1 + as_large.sum(axis=0)) / (permutations + 1)
    return p_F


def _memory(sides: Sequence[npt.NDArray[np.float64]]) -> float:
    """Return how much a block tells of the next: 0 nothing, at most 0.9; the mean over figures."""
    both = [side - side.mean(axis=0) for side in sides if len(side) > 1]
    if not both:
        return 0.0
    product = sum((side[1:] * side[:-1]).sum(axis=0) for side in both)
    square = sum((side**2).sum(axis=0) for side in both)
    return float(np.clip(np.mean(product / np.maximum(square, 1e-12)), 0.0, 0.9))


def _means(values: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Average each ``length`` rows that follow each other; a shorter rest is left out."""
    whole = len(values) // length
    cut = values[: whole * length].reshape(whole, length, values.shape[1])
    means: npt.NDArray[np.float64] = cut.mean(axis=1)
    return means
