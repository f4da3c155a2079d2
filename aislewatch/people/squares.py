"""Chooses the steady squares in which a person is kept, frame by frame and region by region."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aislewatch.config.people import Region
from aislewatch.frames.stretches import Stretch
from aislewatch.people.boxes import Floats
from aislewatch.people.tracker import Way

# What a square has beyond the person on each side, as a share of the person's larger side: hands
# that reach out of the box, and what they reach for.
MARGIN = 0.125

# Seconds before and after a frame that its square depends on. A clip is 1.6 s, and must show how
# the person moves, not how the box does. No more of what comes: a live camera has to wait for it,
# and an alert would come later than one whose clip began half a clip after. A file's squares do
# with as little, as a network must be shown by a camera what it was trained on.
AHEAD_S = 0.8

# Upper part of a person's box, as a share of its height: head, arms and hands of somebody who
# stands. It finds other thefts than the whole person does (docs/benchmarks.md).
UPPER = 0.55

# Frames by which a person's file goes on before the first box and behind the last, so that what
# begins or ends with the way has a clip of its own.
BEYOND = 8


def squares_of(
    way: Way, stretch: Stretch, width: int, height: int, fps: int, regions: Sequence[Region]
) -> tuple[int, NDArray[np.int64]]:
    """Return the first frame of a person's file, and each frame's squares.

    They are (F, R, 3): left, top, side of each region.

    It begins up to ``BEYOND`` frames before the way and ends as many behind it, inside the stretch.
    No square depends on what comes more than ``AHEAD_S`` after its frame.
    A square lies inside the picture where it is no larger; it is centred over one that is smaller.

    Args:
        way: inside the stretch.
        stretch: of the video.
        width: of the picture as displayed, pixels.
        height: of the picture as displayed, pixels.
        fps: frames a second of the store.
        regions: what the squares show.
    """
    line = SquareLine(width, height, fps, regions)
    squares = np.stack([*line.add(way.boxes), *line.end()])
    first, end = max(stretch.first, way.first - BEYOND), min(stretch.end, way.end + BEYOND)
    beyond = [(way.first - first, end - way.end), (0, 0), (0, 0)]
    return first, np.pad(squares, beyond, mode="edge")


class SquareLine:
    """Chooses a person's squares one after the other, each as soon as nothing can change it.

    Args:
        width: of the picture as displayed, pixels.
        height: of the picture as displayed, pixels.
        fps: frames a second of the store.
        regions: what the squares show.
    """

    def __init__(self, width: int, height: int, fps: int, regions: Sequence[Region]) -> None:
        self._size = width, height
        self._regions = regions
        self._ahead = max(1, round(AHEAD_S * fps))
        # Boxes whose squares are not known yet; and, by region, centre and side of what the last
        # frames needed by themselves, before they are evened out.
        self._boxes: deque[Floats] = deque()
        self._own: deque[Floats] = deque(maxlen=self._ahead + 1)

    def add(self, boxes: Floats) -> list[NDArray[np.int64]]:
        """Take the way's next boxes, (N, 4); return the squares now known, (R, 3) of each frame."""
        known = []
        for box in boxes:
            self._boxes.append(np.clip(box, 0, self._size * 2))
            if len(self._boxes) > self._ahead:
                known.append(self._next())
        return known

    def end(self) -> list[NDArray[np.int64]]:
        """Return the squares that are left, where the way ends."""
        return [self._next() for _ in range(len(self._boxes))]

    def _next(self) -> NDArray[np.int64]:
        boxes = np.stack(self._boxes)
        self._boxes.popleft()
        self._own.append(np.stack([self._needed(boxes, region) for region in self._regions]))
        return np.stack([self._placed(one) for one in np.mean(np.stack(self._own), axis=0)])

    def _needed(self, boxes: Floats, region: Region) -> Floats:
        """Return centre and side of the square that holds a region of all boxes."""
        if region == "scene":
            return np.array([self._size[0] / 2, self._size[1] / 2, max(self._size)])
        bottoms = boxes[:, 3]
        if region == "upper":
            bottoms = boxes[:, 1] + UPPER * (bottoms - boxes[:, 1])
        low = boxes[:, :2].min(axis=0)
        high = np.array([boxes[:, 2].max(), bottoms.max()])
        side = max(1.0, *(high - low)) * (1 + 2 * MARGIN)
        return np.array([*(low + high) / 2, side])

    def _placed(self, needed: Floats) -> NDArray[np.int64]:
        x, y, side = needed
        places = [_inside(*one, side) for one in zip((x, y), self._size, strict=True)]
        return np.round([*places, side]).astype(np.int64)


def _inside(centre: float, size: int, side: float) -> float:
    """Return where a square begins along one axis of the picture."""
    if side > size:
        return (size - side) / 2
    return float(np.clip(centre - side / 2, 0, size - side))


def prominence(way: Way, width: int, height: int) -> float:
    """Measure how much a way is the main one: share of the picture × score × motion, on average."""
    found = ~way.interpolated
    boxes = way.boxes[found]
    share = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / (width * height)
    return float((share * way.scores[found] * way.motion).mean())
