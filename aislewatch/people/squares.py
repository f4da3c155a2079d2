"""Chooses the steady squares in which a person is kept, frame by frame."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from aislewatch.frames.stretches import Stretch
from aislewatch.people.boxes import Floats
from aislewatch.people.tracker import Way

# What a square has beyond the person on each side, as a share of the person's larger side: hands
# that reach out of the box, and what they reach for.
MARGIN = 0.125

# A person stays while the whole way fits in a square of so many times the box's usual larger side.
STAYS = 1.6

# Seconds over which the square of someone who walks is evened out: a clip is 1.6 s, and must show
# how the person moves, not how the box does.
EVENED_S = 3.0

# Frames by which a person's file goes on before the first box and behind the last, so that what
# begins or ends with the way has a clip of its own.
BEYOND = 8


def squares_of(
    way: Way, stretch: Stretch, width: int, height: int, fps: int
) -> tuple[int, NDArray[np.int64]]:
    """Return the first frame of a person's file, and (F, 3) left, top, side of each frame's square.

    It begins up to ``BEYOND`` frames before the way and ends as many behind it, inside the stretch.
    A square lies inside the picture where it is no larger; it is centred over one that is smaller.

    Args:
        way: inside the stretch.
        stretch: of the video.
        width: of the picture as displayed, pixels.
        height: of the picture as displayed, pixels.
        fps: frames a second of the store.
    """
    low = np.clip(way.boxes[:, :2], 0, (width, height))
    high = np.clip(way.boxes[:, 2:], 0, (width, height))
    larger = np.maximum((high - low).max(axis=1), 1.0)
    whole = float((high.max(axis=0) - low.min(axis=0)).max())
    if whole <= STAYS * float(np.median(larger)):
        centre = np.tile((high.max(axis=0) + low.min(axis=0)) / 2, (len(larger), 1))
        side = np.full(len(larger), whole)
    else:
        centre, side = _gliding((low + high) / 2, larger, max(1, round(EVENED_S * fps)))
    side = side * (1 + 2 * MARGIN)
    sides = [_inside(centre[:, axis], side, size) for axis, size in enumerate((width, height))]
    squares = np.round(np.stack([*sides, side], axis=1)).astype(np.int64)
    first, end = max(stretch.first, way.first - BEYOND), min(stretch.end, way.end + BEYOND)
    return first, np.pad(squares, [(way.first - first, end - way.end), (0, 0)], mode="edge")


def _gliding(centre: Floats, larger: Floats, window: int) -> tuple[Floats, Floats]:
    side = ndimage.percentile_filter(larger, 90, size=window, mode="nearest")
    usual = ndimage.median_filter(centre, size=(window, 1), mode="nearest")
    evened = [
        ndimage.uniform_filter1d(values, window, axis=0, mode="nearest") for values in (usual, side)
    ]
    return evened[0], evened[1]


def _inside(centre: Floats, side: Floats, size: int) -> Floats:
    """Return where squares begin along one axis of the picture."""
    free = np.maximum(size - side, 0)
    return np.where(side > size, (size - side) / 2, np.clip(centre - side / 2, 0, free))


def prominence(way: Way, width: int, height: int) -> float:
    """Measure how much a way is the main one: share of the picture × score × motion, on average."""
    found = ~way.interpolated
    boxes = way.boxes[found]
    share = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / (width * height)
    return float((share * way.scores[found] * way.motion).mean())
