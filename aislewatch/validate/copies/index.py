"""Finds seconds of motion that look alike without comparing all with all.

Windows are sorted into lists, each around one of them (an inverted file, Jégou et al. 2011); a
window is compared with those of the lists that it is nearest to. All products are of whole numbers
below 2²⁴, which float32 adds without rounding: the same everywhere, and in any order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aislewatch.validate.copies.windows import GRID, LENGTH, NUMBERS, STEPS

# Windows match from this cosine: of 400 planted copies all but those that hardly move, and two with
# a logo, have windows that reach it. Of windows of one room that do not belong together about 1 in
# 2,000 does.
MIN_COSINE = 0.6

# Windows in a list, and lists that a window is compared with. Up to LIST × PROBES windows (14 min
# of motion) all lists are: the index is then exact. Three times as many lists found the same pairs
# among 1,000 films and in the corpus.
LIST = 256
PROBES = 16

# Windows of other videos kept of those that a window matches, the nearest: what grows with the
# square of the library ends here.
NEAREST = 4

# Windows looked up at once: against 4096 lists 64 MiB.
BLOCK = 4096

Numbers = npt.NDArray[np.int8]
Rows = npt.NDArray[np.int64]

MIRROR = np.arange(NUMBERS).reshape(STEPS, GRID, GRID)[..., ::-1].ravel()


@dataclass(frozen=True)
class Matches:
    """Holds the rows of windows that match, and the product of their numbers."""

    queries_M: Rows
    stored_M: Rows
    products_M: npt.NDArray[np.float32]


class _Block:
    """Holds windows that are looked up at once, and what was found for them so far."""

    def __init__(self, numbers_QN: npt.NDArray[np.float32], video_Q: Rows) -> None:
        self.numbers_QN, self.video_Q = numbers_QN, video_Q
        # Products of the nearest so far, ascending: what is less than the first need not be kept.
        self.nearest_QK = np.full((len(video_Q), NEAREST), MIN_COSINE * LENGTH**2, np.float32)
        self._found: list[tuple[Rows, Rows, npt.NDArray[np.float32]]] = []

    def add(self, queries: Rows, stored: Rows, products: npt.NDArray[np.float32]) -> None:
        """Keep these, and raise what is asked of the next ones."""
        order = np.lexsort((-products, queries))
        queries, stored, products = queries[order], stored[order], products[order]
        rank = rank_among_equals(queries)
        best = rank < NEAREST
        asked, row = np.unique(queries[best], return_inverse=True)
        more_QK = np.zeros((len(asked), NEAREST), np.float32)
        more_QK[row, rank[best]] = products[best]
        both = np.concatenate([self.nearest_QK[asked], more_QK], axis=1)
        self.nearest_QK[asked] = np.sort(both, axis=1)[:, NEAREST:]
        self._found.append((queries, stored, products))

    def matches(self, first: int) -> Matches:
        """Return what was found, the block's first window being in this row."""
        queries, stored, products = (
            np.concatenate(part) for part in zip(*self._found, strict=True)
        )
        near = products >= self.nearest_QK[queries, 0]
        return Matches(first + queries[near], stored[near], products[near])


class WindowIndex:
    """Keeps windows of videos (``video_W``, their places) in lists."""

    def __init__(self, numbers_WN: Numbers, video_W: Rows) -> None:
        self._centres_LN = _centres(numbers_WN, max(1, len(numbers_WN) // LIST))
        nearest = np.concatenate(
            [products.argmax(axis=1) for _, products in self._products(numbers_WN)]
            or [np.empty(0, np.int64)]
        )
        self._rows = np.argsort(nearest, kind="stable")
        self._ends = np.cumsum(np.bincount(nearest, minlength=len(self._centres_LN)))
        self._numbers_WN = numbers_WN[self._rows]
        self._video_W = video_W[self._rows]

    def matches(self, queries_QN: Numbers, video_Q: Rows) -> Iterator[Matches]:
        """Yield the nearest windows of other videos to these, block by block.

        The NEAREST of every window are among them, as are all that are as near as the last of them.
        """
        lists = len(self._centres_LN)
        least = max(0, lists - PROBES)
        for first, products_QL in self._products(queries_QN):
            bound = np.partition(products_QL, least, axis=1)[:, least]
            wanted_QL = products_QL >= bound[:, None]
            rows = slice(first, first + len(products_QL))
            block = _Block(queries_QN[rows].astype(np.float32), video_Q[rows])
            for n in range(lists):
                self._compare(block, np.flatnonzero(wanted_QL[:, n]), n)
            yield block.matches(first)

    def _compare(self, block: "_Block", asked: Rows, n: int) -> None:
        rows = slice(int(self._ends[n - 1]) if n else 0, int(self._ends[n]))
        products = block.numbers_QN[asked] @ self._numbers_WN[rows].astype(np.float32).T
        near = np.flatnonzero(products >= block.nearest_QK[asked, :1])
        query, place = np.divmod(near, max(1, products.shape[1]))
        apart = block.video_Q[asked[query]] != self._video_W[rows][place]
        query, place, near = query[apart], place[apart], near[apart]
        block.add(asked[query], self._rows[rows][place], products.ravel()[near])

    def _products(self, numbers_WN: Numbers) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        centres_NL = self._centres_LN.astype(np.float32).T
        for first in range(0, len(numbers_WN), BLOCK):
            yield first, numbers_WN[first : first + BLOCK].astype(np.float32) @ centres_NL


def _centres(numbers_WN: Numbers, count: int) -> Numbers:
    """Draw windows by a hash of their numbers, so that neither order nor name matters."""
    if not len(numbers_WN):
        return np.zeros((1, NUMBERS), np.int8)
    factors = np.random.Generator(np.random.PCG64(0)).integers(1, 2**62, NUMBERS)
    with np.errstate(over="ignore"):
        hashes = numbers_WN.astype(np.int64) @ factors
    _, first = np.unique(hashes, return_index=True)
    centres: Numbers = numbers_WN[first[:count]]
    return centres


def rank_among_equals(*keys: Rows) -> Rows:
    """Number every row among those with its key, which lie together, from 0."""
    count = len(keys[0])
    first = np.ones(count, np.bool_)
    first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    begins = np.flatnonzero(first)
    rank: Rows = np.arange(count) - np.repeat(begins, np.diff(np.append(begins, count)))
    return rank
