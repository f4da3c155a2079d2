"""Describes a second of motion by 80 small numbers that ignore where and how large it is.

The motion's own centre and spread are the frame in which it is drawn, so that a crop, a border or
another shape of the picture moves both and leaves the numbers; a mirrored copy has them mirrored.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aislewatch.frames.fingerprint import CELLS, PARTS, Fingerprint
from aislewatch.validate.copies.pose import BAND

# A window is 5 steps of 0.2 s, each drawn on 4×4 cells.
STEPS = 5
GRID = 4
NUMBERS = STEPS * GRID * GRID

# Spreads (standard deviations) from the centre to the edge of the drawing.
REACH = 1.8

# Parts of a grey level above which a change counts (noise of another encoding), and at which it
# stops to count more (a burned-in clock).
NOISE = PARTS
CAP = 12 * PARTS
# As weight of the centre and the spread a change counts no more than this.
WEIGHT_CAP = 2 * PARTS

# Share of a window's frames that must move.
MIN_MOVING = 0.5

# Parts of a cell in which centres and spreads are kept, and least spread.
PLACES = 32
MIN_SPREAD = 0.7

# Parts in which a cell's share in a drawn cell is counted.
SHARES = 64

# Length of a drawn window: a window's numbers are rounded to it.
LENGTH = 127


@dataclass(frozen=True)
class MotionWindows:
    """Holds W windows of one video.

    ``starts_W`` int32 are their first frames, ``numbers_WN`` int8 (W, 80) the drawings,
    ``places_W4`` int16 (W, 4) centre y, centre x, spread y, spread x in 1/32 cell.
    """

    starts_W: npt.NDArray[np.int32]
    numbers_WN: npt.NDArray[np.int8]
    places_W4: npt.NDArray[np.int16]


def window_frames(video: Fingerprint) -> int:
    """Count the frames of a window."""
    return STEPS * video.lag


def windows_of(video: Fingerprint, banded: bool) -> MotionWindows:
    """Cut a video into windows, one a frame, and keep those that move.

    Args:
        video: its fingerprint.
        banded: leave out the top and the bottom of the picture.
    """
    length = window_frames(video)
    changes_TYX = video.changes(0, len(video.rows_TR)).astype(np.int32)
    size_TYX = np.clip(np.abs(changes_TYX) - NOISE, 0, CAP)
    if banded:
        size_TYX[:, :BAND] = size_TYX[:, -BAND:] = 0
    moving = size_TYX.any(axis=(1, 2)) & video.moving
    starts = np.flatnonzero(_sums(moving.astype(np.int64), length) >= MIN_MOVING * length)
    weight_TYX = np.minimum(size_TYX, WEIGHT_CAP)
    weight_TYX[~moving] = 0
    rows_WC = _sums(weight_TYX.sum(axis=2, dtype=np.int64), length)[starts]
    columns_WC = _sums(weight_TYX.sum(axis=1, dtype=np.int64), length)[starts]
    centre_y, spread_y = _moments(rows_WC)
    centre_x, spread_x = _moments(columns_WC)
    signed_TYX = np.sign(changes_TYX) * size_TYX
    steps = _sums(signed_TYX.astype(np.int64), video.lag)
    frames_WS = starts[:, None] + video.lag * np.arange(STEPS)
    drawn = _drawing(centre_y, spread_y)[:, None] @ steps[frames_WS].astype(np.float64)
    drawn = drawn @ _drawing(centre_x, spread_x)[:, None].transpose(0, 1, 3, 2)
    flat = drawn.reshape(len(starts), NUMBERS)
    norm = np.sqrt(np.square(flat).sum(axis=1))
    numbers = np.rint(flat * (LENGTH / np.maximum(norm, 1))[:, None]).astype(np.int8)
    places = np.stack([centre_y, centre_x, spread_y, spread_x], axis=1)
    return MotionWindows(
        starts.astype(np.int32), numbers, np.rint(places * PLACES).astype(np.int16)
    )


def _sums(values: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """Sum ``length`` successive entries, from every start."""
    if len(values) < length:
        return np.zeros((0, *values.shape[1:]), np.int64)
    total = np.zeros((len(values) + 1, *values.shape[1:]), np.int64)
    np.cumsum(values, axis=0, out=total[1:])
    sums: npt.NDArray[np.int64] = total[length:] - total[:-length]
    return sums


def _moments(
    weights_WC: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute centre and spread along one side, in cells, rounded to 1/32."""
    places = 2 * np.arange(CELLS) + 1
    total = np.maximum(weights_WC.sum(axis=1), 1).astype(np.float64)
    centre = (weights_WC * places).sum(axis=1) / total
    square = (weights_WC * places**2).sum(axis=1) / total
    spread = np.sqrt(np.maximum(square - centre**2, 0))
    return (
        np.rint(centre / 2 * PLACES) / PLACES,
        np.maximum(np.rint(spread / 2 * PLACES) / PLACES, MIN_SPREAD),
    )


def _drawing(
    centre_W: npt.NDArray[np.float64], spread_W: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return how much of every cell lies in each of the 4 drawn ones: (W, 4, 16), whole 64ths."""
    edges_WE = centre_W[:, None] + (REACH * spread_W)[:, None] * np.linspace(-1, 1, GRID + 1)
    low, high = edges_WE[:, :-1, None], edges_WE[:, 1:, None]
    cell = np.arange(CELLS)
    inside = np.clip(np.minimum(high, cell + 1) - np.maximum(low, cell), 0, None)
    shares: npt.NDArray[np.float64] = np.rint(inside / (high - low) * SHARES)
    return shares
