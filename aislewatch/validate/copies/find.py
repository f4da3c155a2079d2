"""Finds all pairs of videos that share footage."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aislewatch.frames.fingerprint import Fingerprint
from aislewatch.validate.copies.align import Alignment, Pair
from aislewatch.validate.copies.confirm import motion_scores
from aislewatch.validate.copies.pose import MIRRORED, UPRIGHT, Pose, find_pose, plain_likeness
from aislewatch.validate.copies.seeds import Seeds, find_seeds
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
# Seconds of motion at either end that need not match: encodings blur it.
BLURRED_S = 1.0


@dataclass(frozen=True, order=True)
class Copy:
    """Names two videos that share footage, ``a`` before ``b``.

    ``share`` is that of the moving frames of the video with fewer of them that match, each counted
    by how well, 0 to 1, ``matched_s`` the seconds of motion that match; the shared part
    lies between ``start`` and ``end`` in each, in seconds; ``speed`` is b's against a's.
    """

    a: str
    b: str
    share: float
    matched_s: float
    start_a_s: float
    end_a_s: float
    start_b_s: float
    end_b_s: float
    speed: float
    mirrored: bool


def find_copies(videos: Mapping[str, Fingerprint]) -> list[Copy]:
    """Find the pairs of videos that share at least half a second of motion, sorted.

    Neither the order nor the names of the videos matter, and the figures are the same to the last
    bit on every machine.
    """
    if len(videos) < 2:
        return []
    # What orders two videos is what they show, so that a pair is the same whatever its names.
    names = sorted(videos, key=lambda name: (len(videos[name].rows_TR), videos[name].digest, name))
    ordered = [videos[name] for name in names]
    copies = []
    # The products are small: BLAS's threads cost 20 times what they gain on a busy machine.
    with threadpool_limits(1, "blas"):
        seeds = find_seeds(ordered)
        scores = motion_scores(seeds, ordered)
        held = np.flatnonzero(scores)
        order = held[np.lexsort((-scores[held], seeds.b_S[held], seeds.a_S[held]))]
        rows = zip(
            seeds.a_S[order].tolist(), seeds.b_S[order].tolist(), order.tolist(), strict=True
        )
        for (a, b), group in groupby(rows, key=lambda row: row[:2]):
            best = _best_of_pair(seeds, [row[2] for row in group], ordered[a], ordered[b])
            if best is not None:
                copies.append(_copy(names[a], names[b], ordered[a], ordered[b], *best))
    return sorted(copies)


def _best_of_pair(
    seeds: Seeds, rows: list[int], a: Fingerprint, b: Fingerprint
) -> tuple[Alignment, bool] | None:
    best: tuple[Alignment, bool] | None = None
    # Two cameras stand to each other as they stand, so one search does for all seeds of a pair.
    moved: dict[bool, tuple[float, Pose]] = {}
    enough = ENOUGH * min(a.n_moving, b.n_moving)
    for start_a, start_b, mirrored, banded in _starts(seeds, rows, a, b):
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


def _starts(
    seeds: Seeds, rows: list[int], a: Fingerprint, b: Fingerprint
) -> Iterator[tuple[int, int, bool, bool]]:
    """Yield where to begin, mirrored or not, banded or not: the best seeds, then both ends.

    Gestures to and fro match mirrored as well as not, so each handedness has its own chance. A crop
    may cut so much of the motion that only wrong seconds match; most copies are of the whole.
    """
    followed = Counter[bool]()
    for row in rows:
        mirrored = bool(seeds.mirrored_S[row])
        followed[mirrored] += 1
        if followed[mirrored] <= FOLLOWED:
            starts = int(seeds.start_a_S[row]), int(seeds.start_b_S[row])
            yield *starts, mirrored, bool(seeds.banded_S[row])
    ends = (len(one.rows_TR) - window_frames(one) for one in (a, b))
    last_a, last_b = (max(0, end) for end in ends)
    for mirrored in sorted(followed):
        yield 0, 0, mirrored, False
        yield last_a, last_b, mirrored, False


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
    pairs = [(one, other) for one in stills_a for other in stills_b]
    alike = max(plain_likeness(*pair, mirrored) for pair in pairs)
    if alike >= SAME_PLACE:
        return MIRRORED if mirrored else UPRIGHT
    if mirrored not in moved:
        moved[mirrored] = find_pose(pairs, mirrored)
    moved_alike, pose = moved[mirrored]
    enough = min(alike + MIN_GAIN, 1 - MAX_LACKING * (1 - alike))
    if moved_alike >= max(MIN_MOVED_LIKENESS, enough):
        return pose
    return (MIRRORED if mirrored else UPRIGHT) if alike >= MIN_LIKENESS else None


def _copy(
    name_a: str, name_b: str, a: Fingerprint, b: Fingerprint, found: Alignment, mirrored: bool
) -> Copy:
    speed = found.speed
    matched = found.matched if a.n_moving <= b.n_moving else found.matched * speed
    share = min(1.0, matched / min(a.n_moving, b.n_moving))
    first_a, last_a, first_b, last_b = _shared_part(a, b, found)
    part_a = first_a / a.fps, (last_a + 1 + a.lag) / a.fps
    part_b = first_b / b.fps, (last_b + 1 + b.lag) / b.fps
    if name_a > name_b:
        name_a, name_b, part_a, part_b, speed = name_b, name_a, part_b, part_a, 1 / speed
    return Copy(
        name_a,
        name_b,
        round(share, 4),
        round(matched / a.fps, 2),
        *(round(part_a[0], 2), round(part_a[1], 2)),
        *(round(part_b[0], 2), round(part_b[1], 2)),
        round(speed, 2),
        mirrored,
    )


def _shared_part(
    a: Fingerprint, b: Fingerprint, found: Alignment
) -> tuple[float, float, float, float]:
    """Return the first and last frame of the shared part in a and in b.

    It goes on beyond what matches to where one of the videos ends, unless more than a second of
    motion on the way does not match.
    """
    first_a, last_a = float(found.a_M[0]), float(found.a_M[-1])
    first_b, last_b = float(found.b_M[0]), float(found.b_M[-1])
    speed, patience = found.speed, BLURRED_S * a.fps
    before = min(first_a, first_b / speed)
    after = min(len(a.rows_TR) - 1 - last_a, (len(b.rows_TR) - 1 - last_b) / speed)
    if a.moving[int(first_a - before) : int(first_a)].sum() <= patience:
        first_a, first_b = first_a - before, first_b - before * speed
    if a.moving[int(last_a) + 1 : int(last_a + after) + 1].sum() <= patience:
        last_a, last_b = last_a + after, last_b + after * speed
    return first_a, last_a, max(0.0, first_b), last_b
