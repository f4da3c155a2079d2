"""Tells which seeds hold when pictures and motion are laid over each other, many at once.

The centres and spreads of two matching windows say where b lies in a. A seed holds where the still
pictures and the motion agree there, or where they agree without moving the picture at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from aislewatch.frames.fingerprint import CELLS, PARTS, Fingerprint
from aislewatch.validate.copies.pose import BAND, SHARES, blur
from aislewatch.validate.copies.seeds import Seeds
from aislewatch.validate.copies.windows import PLACES, STEPS

# Correlation of the stills, and similarity of the motion, from which a seed holds: where the
# picture stays as it is, and where it is moved.
PLAIN_LIKENESS, PLAIN_SIMILARITY = 0.8, 0.3
MOVED_LIKENESS, MOVED_SIMILARITY = 0.45, 0.4
# Cells of a that b must cover where it is moved: a crop to 0.8 of both sides leaves 164.
MIN_COVERED = 100
# From this likeness of the pictures as they are, they are not moved.
SAME_ROOM = 0.9

# Scales by which b may be larger or smaller.
SCALES = (0.6, 1.6)

# A change counts no more than this (as in align).
CAP = 48 * PARTS

# Seeds checked at once: 40 MiB.
BLOCK = 512

Floats = npt.NDArray[np.float64]

# 1 between the bands for logos and clocks, else 0.
_MIDDLE = np.ones((CELLS, CELLS))
_MIDDLE[:BAND] = _MIDDLE[-BAND:] = 0


def motion_scores(seeds: Seeds, videos: Sequence[Fingerprint]) -> Floats:
    """Compute how alike the motion is at every seed that holds, 0 for the others: (S,)."""
    parts = [
        _scores(seeds.take(np.arange(first, min(first + BLOCK, len(seeds.a_S)))), videos)
        for first in range(0, len(seeds.a_S), BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


@dataclass(frozen=True)
class _Laid:
    """Holds how b's pictures lie in a's: shares of cells, cells of a covered, and those used."""

    mirrored_S: npt.NDArray[np.bool_]
    shares_y: Floats
    shares_x: Floats
    inside: Floats
    used: Floats

    def take(self, rows: npt.NDArray[np.int64]) -> "_Laid":
        return _Laid(*(getattr(self, field.name)[rows] for field in fields(self)))

    def draw(self, pictures: Floats) -> Floats:
        """Draw b's pictures (S, n, 16, 16) in a's cells."""
        drawn: Floats = self.shares_y[:, None] @ pictures @ self.shares_x[:, None].swapaxes(-1, -2)
        return drawn

    def turn(self, pictures: Floats) -> Floats:
        """Mirror b's pictures where the seeds are mirrored."""
        turned = pictures.copy()
        turned[self.mirrored_S] = turned[self.mirrored_S][..., ::-1]
        return turned


def _scores(seeds: Seeds, videos: Sequence[Fingerprint]) -> Floats:
    laid = _lay(seeds)
    # The still pictures first: they rule out most seeds, and are there without unpacking.
    as_it_is, as_moved = _by_stills(seeds, laid, videos)
    left = np.flatnonzero(as_it_is | as_moved)
    alike, moved_alike = _by_motion(seeds.take(left), laid.take(left), videos)
    alike[~as_it_is[left] | (alike < PLAIN_SIMILARITY)] = 0
    moved_alike[~as_moved[left] | (moved_alike < MOVED_SIMILARITY)] = 0
    scores = np.zeros(len(seeds.a_S))
    scores[left] = np.maximum(alike, moved_alike)
    return scores


def _lay(seeds: Seeds) -> _Laid:
    mirrored = seeds.mirrored_S.astype(np.bool_)
    place_a, place_b = seeds.place_a_S4 / PLACES, seeds.place_b_S4 / PLACES
    place_b[mirrored, 1] = CELLS - place_b[mirrored, 1]
    scale = np.clip(place_b[:, 2:] / place_a[:, 2:], *SCALES)
    offset = place_b[:, :2] - scale * place_a[:, :2]
    shares_y, inside_y = _shares(scale[:, 0], offset[:, 0])
    shares_x, inside_x = _shares(scale[:, 1], offset[:, 1])
    banded = seeds.banded_S.astype(np.bool_)[:, None, None]
    used = np.where(banded, _MIDDLE, np.ones_like(_MIDDLE))
    return _Laid(mirrored, shares_y, shares_x, inside_y[:, :, None] * inside_x[:, None], used)


def _by_stills(
    seeds: Seeds, laid: _Laid, videos: Sequence[Fingerprint]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell which seeds' stills agree in place, and which with b's moved: (S,) each."""
    still_a = _stills(seeds.a_S, seeds.start_a_S, videos)
    still_b = laid.turn(_stills(seeds.b_S, seeds.start_b_S, videos))
    every = np.ones_like(laid.used)
    plain = np.maximum(
        _best_likeness(still_a, still_b, every), _best_likeness(still_a, still_b, every * _MIDDLE)
    )
    moved = _best_likeness(still_a, laid.draw(still_b), laid.inside)
    covered = laid.inside.sum(axis=(1, 2)) >= MIN_COVERED
    return plain >= PLAIN_LIKENESS, covered & (plain < SAME_ROOM) & (moved >= MOVED_LIKENESS)


def _by_motion(seeds: Seeds, laid: _Laid, videos: Sequence[Fingerprint]) -> tuple[Floats, Floats]:
    """Compute how alike the motion is in place, and with b's moved: (S,) each."""
    motion_a = _motion(seeds.a_S, seeds.start_a_S, videos)
    motion_b = laid.turn(_motion(seeds.b_S, seeds.start_b_S, videos))
    moved = _similarity(motion_a * SHARES**2, laid.draw(motion_b), laid.inside * laid.used)
    return _similarity(motion_a, motion_b, laid.used), moved


def _stills(
    video_S: npt.NDArray[np.int64], start_S: npt.NDArray[np.int64], videos: Sequence[Fingerprint]
) -> Floats:
    """Read two stills around the middle of a window: (S, 2, 16, 16)."""
    rows = zip(video_S.tolist(), start_S.tolist(), strict=True)
    return np.array(
        [
            videos[video].stills_around(start + STEPS * videos[video].lag // 2)
            for video, start in rows
        ],
        np.float64,
    )


def _motion(
    video_S: npt.NDArray[np.int64], start_S: npt.NDArray[np.int64], videos: Sequence[Fingerprint]
) -> Floats:
    """Read the motion of the 5 steps of a window: (S, 5, 16, 16)."""
    motion = np.empty((len(video_S), STEPS, CELLS, CELLS))
    for row, (video, start) in enumerate(zip(video_S.tolist(), start_S.tolist(), strict=True)):
        one = videos[video]
        changes = one.changes(start, start + STEPS * one.lag).astype(np.int64)
        motion[row] = changes.reshape(STEPS, one.lag, CELLS, CELLS).sum(axis=1)
    return np.clip(motion, -CAP, CAP)


def _shares(scale_S: Floats, offset_S: Floats) -> tuple[Floats, Floats]:
    """Return b's shares of a's cells, whole 16ths (S, 16, 16), and a's covered cells (S, 16)."""
    edges = scale_S[:, None] * np.arange(CELLS + 1) + offset_S[:, None]
    low, high = edges[:, :-1, None], edges[:, 1:, None]
    cell = np.arange(CELLS)
    inside = np.clip(np.minimum(high, cell + 1) - np.maximum(low, cell), 0, None)
    inside /= scale_S[:, None, None]
    covered = (inside.sum(axis=2) > 0.9).astype(np.float64)
    return np.rint(inside * SHARES) * covered[:, :, None], covered


def _best_likeness(stills_a: Floats, stills_b: Floats, seen: Floats) -> Floats:
    """Return the likeness of the most alike pair of both's two stills (S, 2, 16, 16)."""
    pairs = [(i, j) for i in range(2) for j in range(2)]
    best: Floats = np.max(
        [_likeness(stills_a[:, i], stills_b[:, j], seen) for i, j in pairs], axis=0
    )
    return best


def _likeness(a: Floats, b: Floats, seen: Floats) -> Floats:
    """Compute the normalised correlation over the cells seen; 0 if a picture is flat."""
    count, sum_a, sum_b = (part.sum(axis=(1, 2)) for part in (seen, a * seen, b * seen))
    squares = [(x * x * seen).sum(axis=(1, 2)) for x in (a, b)]
    spread_a, spread_b = count * squares[0] - sum_a**2, count * squares[1] - sum_b**2
    both = count * (a * b * seen).sum(axis=(1, 2)) - sum_a * sum_b
    shown = (spread_a > 0) & (spread_b > 0)
    norm = np.sqrt(np.where(shown, spread_a, 1.0)) * np.sqrt(np.where(shown, spread_b, 1.0))
    return np.where(shown, both / norm, 0.0)


def _similarity(a: Floats, b: Floats, seen: Floats) -> Floats:
    """Compute 2ab / (a² + b²) of the motion in the cells seen, blurred by a cell."""
    a, b = blur(a * seen[:, None]), blur(b * seen[:, None])
    energy = (a * a).sum(axis=(1, 2, 3)) + (b * b).sum(axis=(1, 2, 3))
    alike: Floats = 2 * (a * b).sum(axis=(1, 2, 3)) / np.maximum(energy, 1.0)
    return alike
