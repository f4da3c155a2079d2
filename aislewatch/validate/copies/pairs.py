"""Follows what two videos may share from its seeds, and returns the best."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from aislewatch.frames.fingerprint import Fingerprint
from aislewatch.validate.copies.align import Alignment, Pair
from aislewatch.validate.copies.pose import MIRRORED, UPRIGHT, Pose, find_pose
from aislewatch.validate.copies.unmoved import plain_likeness
from aislewatch.validate.copies.windows import window_frames

# Seeds of a pair that are followed, the best first.
FOLLOWED = 3
# Share from which no other seed is followed.
ENOUGH = 0.5

# Likeness of the stills as they are, and moved, below which it is another place.
MIN_LIKENESS = 0.8
MIN_MOVED_LIKENESS = 0.9
# Likeness of the stills as they are from which no moved picture is looked for: those of one place
# reach 0.99, of a crop of a tenth 0.96.
SAME_PLACE = 0.98
# By how much a moved picture must be more alike than the unmoved, or what share of what the unmoved
# lacks to a likeness of 1 it may lack: a crop of a tenth goes from 0.96 to 0.995.
MIN_GAIN = 0.05
MAX_LACKING = 1 / 3

# Seconds of motion that must match.
MIN_SHARED_S = 0.5


class Start(NamedTuple):
    """Says where to begin in each of two videos, in frames, and how the windows were drawn."""

    a: int
    b: int
    mirrored: bool
    banded: bool


def best_of_pair(
    seeds: Sequence[Start], a: Fingerprint, b: Fingerprint
) -> tuple[Alignment, bool] | None:
    """Return the alignment with most matching motion and whether b is mirrored; None: no copy.

    Args:
        seeds: where windows of the two match, the best first.
        a: the first video.
        b: the second.
    """
    best: tuple[Alignment, bool] | None = None
    # Two cameras stand to each other as they stand, so one search does for all seeds of a pair.
    moved: dict[bool, tuple[float, Pose]] = {}
    enough = ENOUGH * min(a.n_moving, b.n_moving)
    for start_a, start_b, mirrored, banded in _starts(seeds, a, b):
        pose = _pose(a, b, start_a, start_b, mirrored, moved)
        if pose is None:
            continue
        found = Pair(a, b, pose, banded).follow(start_a, start_b, window_frames(a))
        if best is None or found.matched > best[0].matched:
            best = found, mirrored
        if found.matched >= enough:
            break
    if best is None or best[0].matched < MIN_SHARED_S * a.fps:
        return None
    return best


def _starts(seeds: Sequence[Start], a: Fingerprint, b: Fingerprint) -> Iterator[Start]:
    """Yield where to begin: the best seeds, then both ends.

    Gestures to and fro match mirrored as well as not, so each handedness has its own chance. A crop
    may cut so much of the motion that only wrong seconds match; most copies are of the whole.
    """
    followed = Counter[bool]()
    for seed in seeds:
        followed[seed.mirrored] += 1
        if followed[seed.mirrored] <= FOLLOWED:
            yield seed
    ends = (len(one.rows_TR) - window_frames(one) for one in (a, b))
    last_a, last_b = (max(0, end) for end in ends)
    for mirrored in sorted(followed):
        yield Start(0, 0, mirrored, False)
        yield Start(last_a, last_b, mirrored, False)


def _pose(
    a: Fingerprint,
    b: Fingerprint,
    start_a: int,
    start_b: int,
    mirrored: bool,
    moved: dict[bool, tuple[float, Pose]],
) -> Pose | None:
    """Return b's pose in a: as searched if clearly more alike, else in place if alike enough."""
    half = window_frames(a) // 2
    stills_a = a.stills_around(start_a + half).astype(np.float64)
    stills_b = b.stills_around(start_b + half).astype(np.float64)
    # Of four pairs of stills the most alike: between others somebody walks in.
    alike = plain_likeness(stills_a, stills_b, mirrored)
    if alike >= SAME_PLACE:
        return MIRRORED if mirrored else UPRIGHT
    if mirrored not in moved:
        pairs = [(one, other) for one in stills_a for other in stills_b]
        moved[mirrored] = find_pose(pairs, mirrored)
    moved_alike, pose = moved[mirrored]
    enough = min(alike + MIN_GAIN, 1 - MAX_LACKING * (1 - alike))
    if moved_alike >= max(MIN_MOVED_LIKENESS, enough):
        return pose
    return (MIRRORED if mirrored else UPRIGHT) if alike >= MIN_LIKENESS else None
