"""Finds where two videos may show the same second: a few best matches of windows a pair."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from aislewatch.frames.fingerprint import Fingerprint
from aislewatch.validate.copies.index import MIRROR, NEAREST, WindowIndex, rank_among_equals
from aislewatch.validate.copies.windows import MotionWindows, windows_of

# Seeds kept of a pair, one from a second, a drawing and a handedness: a title card may hold the
# best ones of a long video, and a band left out misleads about a border.
KEPT = 8
# Frames in which one seed is kept.
SECOND = 10

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Seeds:
    """Holds S pairs of windows that match.

    ``a_S`` and ``b_S`` are places of videos, a before b; ``start_a_S`` and ``start_b_S`` first
    frames; ``place_a_S4`` and ``place_b_S4`` as in ``MotionWindows``; ``product_S`` tells how well
    they match; ``mirrored_S`` and ``banded_S`` (0 or 1) how the windows were drawn.
    """

    a_S: Whole
    b_S: Whole
    start_a_S: Whole
    start_b_S: Whole
    place_a_S4: Whole
    place_b_S4: Whole
    product_S: Whole
    mirrored_S: Whole
    banded_S: Whole

    def take(self, rows: npt.NDArray[np.int64]) -> "Seeds":
        """Return the seeds in these rows."""
        return Seeds(*(getattr(self, field.name)[rows] for field in fields(self)))

    @staticmethod
    def join(parts: Sequence["Seeds"]) -> "Seeds":
        """Join all seeds of all parts."""
        names = [field.name for field in fields(Seeds)]
        return Seeds(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def find_seeds(videos: Sequence[Fingerprint]) -> Seeds:
    """Find the best seeds of every pair, sorted by pair."""
    found = [seeds for banded in (False, True) for seeds in _of_one_drawing(videos, banded)]
    return _best(Seeds.join(found))


def _of_one_drawing(videos: Sequence[Fingerprint], banded: bool) -> list[Seeds]:
    windows = [windows_of(video, banded) for video in videos]
    video_W = np.repeat(np.arange(len(videos)), [len(one.starts_W) for one in windows])
    every = MotionWindows(
        *(np.concatenate(part) for part in zip(*map(_columns, windows), strict=True))
    )
    # Every second start is enough: the other video's are all looked up.
    lag_W = np.repeat([video.lag for video in videos], [len(one.starts_W) for one in windows])
    stored = np.flatnonzero(every.starts_W % lag_W == 0)
    index = WindowIndex(every.numbers_WN[stored], video_W[stored])
    return [
        _seeds_of(index, every, video_W, stored, banded, mirrored) for mirrored in (False, True)
    ]


def _columns(windows: MotionWindows) -> tuple[npt.NDArray[np.generic], ...]:
    return windows.starts_W, windows.numbers_WN, windows.places_W4


def _seeds_of(
    index: WindowIndex,
    windows: MotionWindows,
    video_W: Whole,
    stored: Whole,
    banded: bool,
    mirrored: bool,
) -> Seeds:
    numbers = windows.numbers_WN[:, MIRROR] if mirrored else windows.numbers_WN
    seeds = _none()
    new: list[Seeds] = []
    for match in index.matches(numbers, video_W):
        one, other = match.queries_M, stored[match.stored_M]
        product = match.products_M.astype(np.int64)
        order = np.lexsort((other, -product, one))
        kept = order[rank_among_equals(one[order]) < NEAREST]
        one, other, product = one[kept], other[kept], product[kept]
        swap = video_W[one] > video_W[other]
        a, b = np.where(swap, other, one), np.where(swap, one, other)
        found = Seeds(
            video_W[a],
            video_W[b],
            windows.starts_W[a].astype(np.int64),
            windows.starts_W[b].astype(np.int64),
            windows.places_W4[a].astype(np.int64),
            windows.places_W4[b].astype(np.int64),
            product,
            np.full(len(a), int(mirrored)),
            np.full(len(a), int(banded)),
        )
        new.append(found)
        # Sorted again only when as many have come: else the work grows with the square.
        if sum(len(part.a_S) for part in new) > len(seeds.a_S):
            seeds, new = _best(Seeds.join([seeds, *new])), []
    return _best(Seeds.join([seeds, *new]))


def _none() -> Seeds:
    empty, places = np.zeros(0, np.int64), np.zeros((0, 4), np.int64)
    return Seeds(empty, empty, empty, empty, places, places, empty, empty, empty)


def _best(seeds: Seeds) -> Seeds:
    """Keep the best seeds of every second of a pair, and the KEPT best of these, sorted."""
    kind = 4 * (seeds.start_a_S // SECOND) + 2 * seeds.banded_S + seeds.mirrored_S
    keys = (seeds.start_b_S, seeds.start_a_S, -seeds.product_S)
    order = np.lexsort((*keys, kind, seeds.b_S, seeds.a_S))
    one = seeds.take(order[rank_among_equals(seeds.a_S[order], seeds.b_S[order], kind[order]) == 0])
    drawn = (one.banded_S, one.mirrored_S)
    order = np.lexsort((one.start_b_S, one.start_a_S, *drawn, -one.product_S, one.b_S, one.a_S))
    return one.take(order[rank_among_equals(one.a_S[order], one.b_S[order]) < KEPT])
