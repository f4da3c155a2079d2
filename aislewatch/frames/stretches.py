"""Tells when each frame of the store is shown: which instants of a video have one.

The store keeps a frame for every 1 / fps seconds of a player's clock at which there is a picture.
Where there is none (before the first picture, in a gap of the recording) it keeps nothing, so that
frames which follow each other in a file may be far apart in time.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.frames.timing import SECOND_NS, PictureTimes

Nanoseconds = TypeVar("Nanoseconds", int, npt.NDArray[np.int64])


@dataclass(frozen=True)
class Stretch:
    """Frames of the store that follow each other without a gap.

    Args:
        first: the first of them, counted from 0 in the video's file.
        end: the one after the last.
        tick: the instant of the first, in frames since second 0.
    """

    first: int
    end: int
    tick: int


@dataclass(frozen=True)
class FrameTimes:
    """The times of one video's frames in the store.

    Args:
        fps: frames a second of the store.
        stretches: of the video, in order; together they are all its frames.
    """

    fps: int
    stretches: tuple[Stretch, ...]

    @classmethod
    def of_pictures(cls, times: PictureTimes, fps: int) -> "FrameTimes":
        """Choose the instants at which there is a picture; the store keeps a frame for each."""
        first_P, end_P = first_instant(times.bounds_ns, fps).T
        starts = np.flatnonzero(np.append(True, first_P[1:] > end_P[:-1]))
        lasts = np.append(starts[1:] - 1, len(first_P) - 1)
        stretches: list[Stretch] = []
        for tick, end in zip(first_P[starts].tolist(), end_P[lasts].tolist(), strict=True):
            if end > tick:
                at = stretches[-1].end if stretches else 0
                stretches.append(Stretch(at, at + end - tick, tick))
        return cls(fps, tuple(stretches))

    @classmethod
    def from_text(cls, text: str, n_frames: int, fps: int) -> "FrameTimes":
        """Read what ``to_text`` wrote of a video of ``n_frames`` frames."""
        pairs = [[int(number) for number in pair.split("@")] for pair in text.split()]
        ends = [*(first for first, _ in pairs[1:]), n_frames]
        stretches = zip(pairs, ends, strict=True)
        return cls(fps, tuple(Stretch(first, end, tick) for (first, tick), end in stretches))

    def to_text(self) -> str:
        """Write each stretch as its first frame and that frame's instant: ``0@0 100@6100``."""
        return " ".join(f"{stretch.first}@{stretch.tick}" for stretch in self.stretches)

    @property
    def n_frames(self) -> int:
        """Count the frames of the video in the store."""
        return self.stretches[-1].end if self.stretches else 0

    def shown_from(self, frame: float) -> float:
        """Return the second of the player's clock from which a frame of the store is shown.

        A part of a frame is that part of its time; a number behind the last goes on from there.
        """
        begun = [stretch for stretch in self.stretches if stretch.first <= frame]
        return self._second(frame, begun[-1] if begun else self.stretches[0])

    def shown_until(self, frame: float) -> float:
        """Return the second until which all frames before number ``frame`` are shown.

        It differs from ``shown_from`` where ``frame`` is the first after a gap.
        """
        begun = [stretch for stretch in self.stretches if stretch.first < frame]
        return self._second(frame, begun[-1] if begun else self.stretches[0])

    def frames_before(self, second: float) -> float:
        """Return how many frames are shown before a second of the player's clock, with fractions.

        The frame shown at that second, or in a gap the next one, has the whole part for a number.
        """
        tick, before = second * self.fps, 0.0
        for stretch in self.stretches:
            before += min(max(0.0, tick - stretch.tick), stretch.end - stretch.first)
        return before

    def frame_at(self, second: float) -> int:
        """Return the frame shown at a second; in a gap, the next one; beyond the end, the last."""
        return min(int(self.frames_before(second)), self.n_frames - 1)

    def gaps_s(self) -> list[tuple[float, float]]:
        """List the seconds from and until which there is no frame, before the end of the video."""
        gaps, reached = [], 0
        for stretch in self.stretches:
            if stretch.tick > reached:
                gaps.append((reached / self.fps, stretch.tick / self.fps))
            reached = stretch.tick + stretch.end - stretch.first
        return gaps

    def _second(self, frame: float, stretch: Stretch) -> float:
        return (stretch.tick + frame - stretch.first) / self.fps


def frame_times(catalog: pd.DataFrame) -> dict[str, FrameTimes]:
    """Return the times of the frames of each video.

    Args:
        catalog: uses video, n_frames, stretches, store_fps.
    """
    names = ("video", "stretches", "n_frames", "store_fps")
    columns = (catalog[name].tolist() for name in names)
    return {video: FrameTimes.from_text(*facts) for video, *facts in zip(*columns, strict=True)}


def first_instant(time_ns: Nanoseconds, fps: int) -> Nanoseconds:
    """Return the number of the first instant at or after a time: instant n is second n / ``fps``.

    In whole numbers, so that an instant that is exactly a picture's beginning belongs to it.
    """
    return -(-time_ns * fps // SECOND_NS)
