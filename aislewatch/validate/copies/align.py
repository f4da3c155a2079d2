"""Follows two videos from a second that matches, forwards and backwards, at the speed that fits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from aislewatch.frames.fingerprint import CELLS, PARTS, Fingerprint
from aislewatch.validate.copies.pose import BAND, MIRRORED, SHARES, UPRIGHT, Pose, blur

Frames = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
# Frames of a that match, the frames of b, and how well.
Matched = tuple[Frames, Floats, Floats]

# Two frames match from this similarity, 2ab / (a² + b²): 1 for equal changes, 0 for unrelated.
# Where the picture is moved both are blurred, which makes everything more alike.
MIN_SIMILARITY = 0.5
MIN_MOVED_SIMILARITY = 0.6

# Frames in a row that must match: a chance match of two walks rarely lasts 0.3 s.
MIN_RUN = 3

# A change counts no more than this, so that a burned-in clock does not decide alone.
CAP = 24 * PARTS

# Frames followed at once.
BLOCK = 60
# Seconds of motion without a match after which nothing more is expected. In frames it was 30 s at
# the corpus's 10 fps and 100 s at the demo's 3: over half of what long recordings cost.
PATIENCE_S = 30.0

# Speeds of b against a, and shifts in half frames, tried at the first block and at later ones.
FIRST_SPEEDS = [0.02 * step for step in range(-6, 7)]
FIRST_SHIFTS = range(-6, 7)
LATER_SPEEDS = [0.01 * step for step in range(-2, 3)]
LATER_SHIFTS = range(-3, 4)
SPEEDS = (0.87, 1.13)

# What a speed costs of the frames that match, by its distance from 1: to try many makes some match
# by chance. It costs less of more than 20 frames, which tell a speed. Without it 16 of the 274
# clips of one room were joined with others.
SPEED_COSTS = 1.5
SHORT = 20

# Share of a frame's motion that must lie where both pictures are.
MIN_SEEN = 0.5


@dataclass(frozen=True)
class Alignment:
    """Holds matching frames of a, ascending, the (half) frames of b they match, and how well."""

    a_M: Frames
    b_M: Floats
    alike_M: Floats

    @cached_property
    def matched(self) -> float:
        """Count frames that match, less alike ones for less, and subtract what the speed costs."""
        weight_M = self.alike_M * np.sqrt(self.alike_M)
        matched = int(np.rint(weight_M * 2**20).sum()) / 2**20
        short = min(1.0, SHORT / max(len(self.a_M), 1))
        return matched * (1 - SPEED_COSTS * abs(self.speed - 1) * short)

    @cached_property
    def speed(self) -> float:
        """Return the frames of b that pass in a frame of a."""
        if len(self.a_M) < 2:
            return 1.0
        speed = float((self.b_M[-1] - self.b_M[0]) / (self.a_M[-1] - self.a_M[0]))
        return min(max(speed, SPEEDS[0]), SPEEDS[1])


@dataclass(frozen=True)
class _Line:
    """Maps a's frames to b's: ``b0 + speed × (a's frame − a0)``; many lines in columns (L, 1)."""

    a0: int
    b0: float | Floats
    speed: float | Floats

    def at(self, frames: Frames) -> Floats:
        places: Floats = self.b0 + self.speed * (frames - self.a0).astype(np.float64)
        return places


class Pair:
    """Holds two videos in one pose, ``banded`` without the bands where clocks are burned in."""

    def __init__(self, a: Fingerprint, b: Fingerprint, pose: Pose, banded: bool) -> None:
        self.a, self.b, self.pose = a, b, pose
        self.used_YX = np.ones((CELLS, CELLS))
        if banded:
            self.used_YX[:BAND] = self.used_YX[-BAND:] = 0
        self.inside_YX = pose.inside() * self.used_YX
        self.moved = pose not in (UPRIGHT, MIRRORED)
        self.least = MIN_MOVED_SIMILARITY if self.moved else MIN_SIMILARITY

    def follow(self, start_a: int, start_b: int, length: int) -> Alignment:
        """Find what matches on the way from a window at ``start_a`` and ``start_b``."""
        middle = start_a + length // 2
        first = np.arange(max(0, middle - BLOCK // 2), min(len(self.a.moving), middle + BLOCK // 2))
        line = _Line(middle, float(start_b + length // 2), 1.0)
        line, matched = self._best(first, line, FIRST_SPEEDS, FIRST_SHIFTS)
        parts = [matched]
        for step in (1, -1):
            parts += self._onwards(line, int(first[-1] + 1 if step > 0 else first[0]), step)
        a = np.concatenate([part[0] for part in parts])
        b = np.concatenate([part[1] for part in parts])
        alike = np.concatenate([part[2] for part in parts])
        order = np.argsort(a, kind="stable")
        a, b, alike = a[order], b[order], alike[order]
        kept = _in_runs(a)
        return Alignment(a[kept], b[kept], alike[kept])

    def _onwards(self, line: _Line, edge: int, step: int) -> list[Matched]:
        parts: list[Matched] = []
        missed = 0
        while missed < PATIENCE_S * self.a.fps:
            low, high = (edge, edge + BLOCK) if step > 0 else (edge - BLOCK, edge)
            frames = np.arange(max(low, 0), min(high, len(self.a.moving)))
            there = line.at(frames) if len(frames) else np.empty(0)
            if not ((there >= 0) & (there < len(self.b.moving))).any():
                break
            edge = high if step > 0 else low
            moving = int(self.a.moving[frames].sum())
            if not moving:
                continue
            near = _Line(edge, float(line.at(np.array([edge]))[0]), line.speed)
            found, matched = self._best(frames, near, LATER_SPEEDS, LATER_SHIFTS)
            if len(matched[0]) >= MIN_RUN:
                line, missed = found, 0
                parts.append(matched)
            else:
                missed += moving
        return parts

    def _best(
        self,
        frames: Frames,
        line: _Line,
        speeds: list[float],
        shifts: range,
    ) -> tuple[_Line, Matched]:
        """Find the line near ``line`` on which most of the frames match, and those frames."""
        alike, first = self._alike(frames, line)
        speed_S = np.clip(line.speed + np.array(speeds), *SPEEDS)
        speed_L = np.repeat(speed_S, len(shifts))
        b0_L = np.tile(line.b0 + np.array(shifts) / 2, len(speeds))
        lines = _Line(line.a0, b0_L[:, None], speed_L[:, None])
        places_LF = np.rint(2 * (lines.at(frames) - first)).astype(np.int64)
        known = (places_LF >= 0) & (places_LF < alike.shape[1])
        rows = np.arange(len(frames))
        found_LF = alike[rows, np.where(known, places_LF, 0)] * known
        matches_LF = found_LF >= self.least
        # Among equally close ones the least change.
        change_L = np.abs(speed_L - line.speed)
        closeness = np.rint((found_LF * matches_LF) * 2**20).sum(axis=1)
        closeness *= 1 - SPEED_COSTS * change_L
        best = np.lexsort((np.abs(b0_L - line.b0) + change_L, -closeness))[0]
        kept = matches_LF[best]
        b = places_LF[best][kept] / 2 + first
        found = _Line(line.a0, float(b0_L[best]), float(speed_L[best]))
        return found, (frames[kept], b, found_LF[best][kept])

    def _alike(self, frames: Frames, line: _Line) -> tuple[Floats, int]:
        """Compare a's frames with b's at every half frame; return likeness and the first of b's."""
        there = line.at(frames)
        slack = BLOCK // 4
        first = max(0, int(there.min()) - slack)
        last = min(len(self.b.moving), int(there.max()) + slack + 1)
        if last <= first:
            return np.zeros((len(frames), 1)), first
        a_FN = _capped(self.a.changes(int(frames[0]), int(frames[-1]) + 1))
        b_TN = self.pose.draw(_capped(self.b.changes(first, last)))
        whole = np.square(a_FN * self.used_YX).sum(axis=(1, 2))
        a_FN, b_TN = a_FN * self.inside_YX, b_TN * self.used_YX
        seen = np.square(a_FN).sum(axis=(1, 2)) >= MIN_SEEN * whole
        if self.moved:
            a_FN, b_TN = blur(a_FN), blur(b_TN)
        a_FN = a_FN.reshape(len(frames), -1) * float(2 * SHARES**2)
        b_TN = b_TN.reshape(last - first, -1)
        energy_a = np.einsum("fn,fn->f", a_FN, a_FN)
        # Of b's frame twice, or of two neighbours added: whole numbers, so exact in any order.
        common = a_FN @ b_TN.T
        common_FH = np.empty((len(frames), 2 * (last - first) - 1))
        common_FH[:, ::2], common_FH[:, 1::2] = 2 * common, common[:, 1:] + common[:, :-1]
        energy_T = np.einsum("tn,tn->t", b_TN, b_TN)
        energy_H = np.empty(common_FH.shape[1])
        energy_H[::2] = 4 * energy_T
        neighbours = np.einsum("tn,tn->t", b_TN[1:], b_TN[:-1])
        energy_H[1::2] = energy_T[1:] + energy_T[:-1] + 2 * neighbours
        usable = (seen & self.a.moving[frames])[:, None] & (energy_H > 0)
        total = energy_a[:, None] + energy_H
        return np.where(usable, 2 * common_FH / np.where(usable, total, 1.0), 0.0), first


def _capped(changes_TYX: npt.NDArray[np.int16]) -> Floats:
    return np.clip(changes_TYX, -CAP, CAP).astype(np.float64)


def _in_runs(frames: Frames) -> npt.NDArray[np.bool_]:
    """Tell which frames have MIN_RUN or more in a row."""
    run = np.concatenate([[0], np.cumsum(np.diff(frames) != 1)])[: len(frames)]
    kept: npt.NDArray[np.bool_] = np.bincount(run)[run] >= MIN_RUN
    return kept
