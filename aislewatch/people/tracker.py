"""Links boxes of people, frame by frame, to tracks: who is in this frame was where in the last.

Source: the two thresholds follow ByteTrack (Zhang et al., arXiv:2110.06864), without its motion
model: at the store's 10 frames a second, people overlap their own last box.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from aislewatch.config.people import Tracker
from aislewatch.frames.stretches import Stretch
from aislewatch.people.boxes import Floats, overlaps

# Overlap, area shared over area of both, from which a box goes on with a track. Someone who walks
# across a shop's picture moves by a third of his width in the 0.2 s between two looks.
LEAST_OVERLAP = 0.2

# Fewest frames of a track: what is seen for less than half a clip is left out.
FEWEST_FRAMES = 8


@dataclass(frozen=True)
class Sightings:
    """What the detector found in one frame of the store.

    Args:
        frame: its number in the video.
        boxes: (P, 4) left, top, right, bottom, pixels of the picture as displayed.
        scores: (P,) 0 to 1.
        motion: (P,) mean change of luminance in the box since the last frame, grey levels.
    """

    frame: int
    boxes: Floats
    scores: Floats
    motion: Floats


@dataclass(frozen=True)
class Way:
    """One person's way through a video, with a box in every frame from the first to the last.

    Args:
        first: frame of the store, counted in the video.
        boxes: (F, 4) pixels.
        scores: (F,) of the detector; where it found nothing, of the nearer frame where it did.
        interpolated: (F,) whether the box lies between two that the detector found.
        motion: mean change of luminance in the boxes that it found, grey levels.
    """

    first: int
    boxes: Floats
    scores: Floats
    interpolated: NDArray[np.bool_]
    motion: Floats

    @property
    def end(self) -> int:
        """Return the frame after the last."""
        return self.first + len(self.boxes)


def follow(
    looks: Iterable[Sightings], stretches: Sequence[Stretch], settings: Tracker, every: int
) -> list[Way]:
    """Link boxes to ways, in the order in which each had lasted long enough to be one.

    No way crosses a gap of the video. A strong box begins a way, a weak one only goes on.

    Args:
        looks: in the frames' order.
        stretches: of the video.
        settings: section ``track`` of params.yaml.
        every: frames from one look to the next.
    """
    bounds = np.array([stretch.end for stretch in stretches])
    following = Following(settings, every)
    done: list[OpenWay] = []
    within = -1
    for look in looks:
        stretch = int(np.searchsorted(bounds, look.frame, side="right"))
        if stretch != within:
            done += following.end()
        within = stretch
        done += following.take(look)
    done += following.end()
    kept = [way for way in done if way.known_at is not None]
    return [way.closed() for way in sorted(kept, key=OpenWay.order)]


@dataclass(eq=False)
class OpenWay:
    """A way that may go on.

    Args:
        frames: in which it has a box.
        boxes: (4,) each.
        scores: of the detector.
        motion: in each box.
        known_at: frame in which it had lasted for ``FEWEST_FRAMES``; None: not yet.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[Floats] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    motion: list[float] = field(default_factory=list)
    known_at: int | None = None

    def add(self, look: Sightings, number: int) -> None:
        """Go on with a box of the next look."""
        self.frames.append(look.frame)
        self.boxes.append(look.boxes[number])
        self.scores.append(float(look.scores[number]))
        self.motion.append(float(look.motion[number]))
        if self.known_at is None and look.frame - self.frames[0] + 1 >= FEWEST_FRAMES:
            self.known_at = look.frame

    def order(self) -> tuple[float, ...]:
        """Return what ways are sorted by, the same for a file and for a stream that goes on."""
        return (self.known_at or 0, self.frames[0], *self.boxes[0].tolist())

    def boxes_from(self, frame: int) -> Floats:
        """Return the boxes in the frames from this one to the last that has one.

        What lies between two boxes is interpolated.
        """
        known = max(0, bisect_right(self.frames, frame) - 1)
        found, frames = np.stack(self.boxes[known:]), np.arange(frame, self.frames[-1] + 1)
        return np.stack([np.interp(frames, self.frames[known:], side) for side in found.T], axis=1)

    def forget(self) -> None:
        """Keep the last box alone: somebody may stand before a camera all day."""
        for values in (self.frames, self.boxes, self.scores, self.motion):
            del values[:-1]

    def closed(self) -> Way:
        """Return the way as it is when nothing more comes."""
        frames, boxes = np.array(self.frames), self.boxes_from(self.frames[0])
        all_frames = np.arange(frames[0], frames[-1] + 1)
        after = np.searchsorted(frames, all_frames)
        before = np.maximum(after - 1, 0)
        nearer = np.where(all_frames - frames[before] < frames[after] - all_frames, before, after)
        interpolated = ~np.isin(all_frames, frames)
        scores = np.array(self.scores)[nearer]
        return Way(int(frames[0]), boxes, scores, interpolated, np.array(self.motion))


class Following:
    """Links boxes to ways, a frame at a time.

    Args:
        settings: section ``track`` of params.yaml.
        every: frames from one look to the next.
    """

    def __init__(self, settings: Tracker, every: int) -> None:
        self._settings = settings
        # Someone may be missed in `gap` frames; that he was not looked for is no gap.
        self._reach = max(settings.gap + 1, every)
        self.open_ways: list[OpenWay] = []

    def take(self, look: Sightings) -> list[OpenWay]:
        """Take what was found in the next frame; return the ways that had ended before it.

        It is given to the ways, strong boxes first; each strong box that is left begins a way.
        """
        late = [way for way in self.open_ways if look.frame - way.frames[-1] > self._reach]
        self.open_ways = [way for way in self.open_ways if way not in late]
        strong = look.scores >= self._settings.begin_score
        weak = (look.scores >= self._settings.go_on_score) & ~strong
        free = list(self.open_ways)
        left = self._go_on(free, look, np.flatnonzero(strong).tolist())
        self._go_on(free, look, np.flatnonzero(weak).tolist())
        for number in left:
            begun = OpenWay()
            begun.add(look, number)
            self.open_ways.append(begun)
        return late

    def end(self) -> list[OpenWay]:
        """End all ways, as at a gap of the recording; return them."""
        ended, self.open_ways = self.open_ways, []
        return ended

    def _go_on(self, free: list[OpenWay], look: Sightings, numbers: list[int]) -> list[int]:
        """Give free ways their boxes, and take those out of ``free``; return the boxes left."""
        if not free or not numbers:
            return numbers
        last = np.stack([way.boxes[-1] for way in free])
        shared = overlaps(last, look.boxes[numbers])
        pairs = [
            (free[way], numbers[number])
            for way, number in zip(*linear_sum_assignment(-shared), strict=True)
            if shared[way, number] >= LEAST_OVERLAP
        ]
        for way, number in pairs:
            way.add(look, number)
            free.remove(way)
        taken = {number for _, number in pairs}
        return [number for number in numbers if number not in taken]
