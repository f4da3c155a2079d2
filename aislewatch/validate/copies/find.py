"""Finds all pairs of videos that share footage."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aislewatch.frames.fingerprint import Fingerprint
from aislewatch.validate.copies.align import Alignment
from aislewatch.validate.copies.confirm import motion_scores
from aislewatch.validate.copies.pairs import Start, best_of_pair
from aislewatch.validate.copies.seeds import find_seeds

# Pairs that a process follows at a time, and as many for each process as are worth starting it:
# a pair takes 17 ms of a core in the demo's shop, a process 1.5 s to start.
PAIRS_AT_ONCE, WORTH_A_PROCESS = 32, 256

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


def find_copies(videos: Mapping[str, Fingerprint], workers: int = 1) -> list[Copy]:
    """Find the pairs of videos that share at least half a second of motion, sorted.

    Neither the order nor the names of the videos nor the number of workers matter, and the figures
    are the same to the last bit on every machine.

    Args:
        videos: by name.
        workers: processes that follow pairs at once, at most; 1: this one alone.
    """
    if len(videos) < 2:
        return []
    # What orders two videos is what they show, so that a pair is the same whatever its names.
    names = sorted(videos, key=lambda name: (len(videos[name].rows_TR), videos[name].digest, name))
    ordered = [videos[name] for name in names]
    # The products are small: BLAS's threads cost 20 times what they gain on a busy machine.
    with threadpool_limits(1, "blas"):
        jobs = _jobs(ordered)
        with _followers(ordered, min(workers, len(jobs) // WORTH_A_PROCESS)) as follow_all:
            found = list(follow_all(jobs))
    return sorted(
        _copy(names[a], names[b], ordered[a], ordered[b], *best)
        for (a, b, _), best in zip(jobs, found, strict=True)
        if best is not None
    )


# Two videos by their places, and their seeds, the best first.
_Job = tuple[int, int, list[Start]]
_Found = tuple[Alignment, bool] | None


def _jobs(ordered: Sequence[Fingerprint]) -> list[_Job]:
    """Return the pairs whose seeds hold in motion, sorted."""
    seeds = find_seeds(ordered)
    scores = motion_scores(seeds, ordered)
    held = np.flatnonzero(scores)
    seeds = seeds.take(held[np.lexsort((-scores[held], seeds.b_S[held], seeds.a_S[held]))])
    columns = (seeds.a_S, seeds.b_S, seeds.start_a_S, seeds.start_b_S)
    drawn = (seeds.mirrored_S.astype(bool), seeds.banded_S.astype(bool))
    rows = zip(*(column.tolist() for column in (*columns, *drawn)), strict=True)
    return [
        (a, b, [Start(*row[2:]) for row in group])
        for (a, b), group in groupby(rows, key=lambda row: row[:2])
    ]


@contextmanager
def _followers(
    ordered: Sequence[Fingerprint], processes: int
) -> Iterator[Callable[[list[_Job]], Iterable[_Found]]]:
    """Yield what follows pairs in their order, in this process or in several."""
    if processes < 2:
        yield partial(map, partial(_follow, ordered))
        return
    # Spawned, because a fork of a caller with threads (BLAS, a progress bar) can deadlock.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_hold, initargs=(ordered,))
    try:
        yield partial(pool.map, _follow_held, chunksize=PAIRS_AT_ONCE)
    finally:
        pool.shutdown(cancel_futures=True)


def _follow(ordered: Sequence[Fingerprint], job: _Job) -> _Found:
    a, b, seeds = job
    return best_of_pair(seeds, ordered[a], ordered[b])


# The videos of a process of the pool, which are sent once and not with every pair.
_held: list[Fingerprint] = []


def _hold(ordered: Sequence[Fingerprint]) -> None:
    threadpool_limits(1, "blas")
    _held.extend(ordered)


def _follow_held(job: _Job) -> _Found:
    return _follow(_held, job)


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
