"""Links boxes of people, frame by frame, to tracks: who is in this frame was where in the last.

Source: the two thresholds follow ByteTrack (Zhang et al., arXiv:2110.06864), without its motion
model: at the store's 10 frames a second, people overlap their own last box.
"""

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
    """Link boxes to ways, sorted by their first frame.

    No way crosses a gap of the video. A strong box begins a way, a weak one only goes on.

    Args:
        looks: in the frames' order.
        stretches: of the video.
        settings: section ``track`` of params.yaml.
        every: frames from one look to the next.
    """
    bounds = np.array([stretch.end for stretch in stretches])
    # Someone may be missed in `gap` frames; that he was not looked for is no gap.
    reach = max(settings.gap + 1, every)
    open_ways: list[_Open] = []
    done: list[_Open] = []
    within = -1
    for look in looks:
        stretch = int(np.searchsorted(bounds, look.frame, side="right"))
        late = [
            way for way in open_ways if stretch != within or look.frame - way.frames[-1] > reach
        ]
        done += late
        open_ways = [way for way in open_ways if way not in late]
        within = stretch
        _take(look, open_ways, settings)
    ways = [way.closed() for way in done + open_ways]
    kept = [way for way in ways if len(way.boxes) >= FEWEST_FRAMES]
    return sorted(kept, key=lambda way: (way.first, way.end, *way.boxes[0].tolist()))


@dataclass(eq=False)
class _Open:
    """A way that may go on."""

    frames: list[int] = field(default_factory=list)
    boxes: list[Floats] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    motion: list[float] = field(default_factory=list)

    def add(self, look: Sightings, number: int) -> None:
        self.frames.append(look.frame)
        self.boxes.append(look.boxes[number])
        self.scores.append(float(look.scores[number]))
        self.motion.append(float(look.motion[number]))

    def closed(self) -> Way:
        frames, found = np.array(self.frames), np.stack(self.boxes)
        all_frames = np.arange(frames[0], frames[-1] + 1)
        boxes = np.stack([np.interp(all_frames, frames, side) for side in found.T], axis=1)
        after = np.searchsorted(frames, all_frames)
        before = np.maximum(after - 1, 0)
        nearer = np.where(all_frames - frames[before] < frames[after] - all_frames, before, after)
        interpolated = ~np.isin(all_frames, frames)
        scores = np.array(self.scores)[nearer]
        return Way(int(frames[0]), boxes, scores, interpolated, np.array(self.motion))


def _take(look: Sightings, open_ways: list[_Open], settings: Tracker) -> None:
    """Give each way its box, strong ones first; begin a way at each strong box that is left."""
    strong = np.flatnonzero(look.scores >= settings.begin_score).tolist()
    weak_enough = (look.scores >= settings.go_on_score) & (look.scores < settings.begin_score)
    free = list(open_ways)
    for numbers in (strong, np.flatnonzero(weak_enough).tolist()):
        if free and numbers:
            last = np.stack([way.boxes[-1] for way in free])
            shared = overlaps(last, look.boxes[numbers])
            pairs = [
                (way, number)
                for way, number in zip(*linear_sum_assignment(-shared), strict=True)
                if shared[way, number] >= LEAST_OVERLAP
            ]
            for way, number in pairs:
                free[way].add(look, numbers[number])
            taken = {numbers[number] for _, number in pairs}
            going_on = {int(way) for way, _ in pairs}
            free = [way for place, way in enumerate(free) if place not in going_on]
            if numbers is strong:
                strong = [number for number in strong if number not in taken]
    for number in strong:
        begun = _Open()
        begun.add(look, number)
        open_ways.append(begun)
