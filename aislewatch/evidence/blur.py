"""Makes people unrecognisable in a picture, and leaves visible what they do."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aislewatch.alerts.clips import Box

# Rows of blocks that a person is drawn with: a head is one block or two, an arm still moves.
PERSON_ROWS = 8
# Rows of blocks of a whole picture, where nobody knows where people are. A face that fills a third
# of the picture has 7 x 7 blocks left; eyes, the smallest thing faces are told by, have none.
PICTURE_ROWS = 20
# Share of a box's side by which it grows on each side: detectors cut off hands and hair.
MARGIN = 0.15


def blurred(rgb_HWC: NDArray[np.uint8], people: Sequence[Box]) -> NDArray[np.uint8]:
    """Return the picture with every person as blocks; without people, the whole picture so.

    Who is not found is not hidden by anybody else's box. So a picture in which nobody was found is
    hidden altogether: that there is nobody is what a detector says, too.

    Args:
        rgb_HWC: the picture, uint8; it is not changed.
        people: where they may be, as shares of the picture.
    """
    height, width = rgb_HWC.shape[:2]
    if not people:
        return _blocks(rgb_HWC, PICTURE_ROWS)
    drawn_HWC = rgb_HWC.copy()
    for box in people:
        left, top, right, bottom = _grown(box, width, height)
        if left < right and top < bottom:
            # Of the picture itself: where two boxes overlap, no block is made of blocks.
            part_HWC = rgb_HWC[top:bottom, left:right]
            drawn_HWC[top:bottom, left:right] = _blocks(part_HWC, PERSON_ROWS)
    return drawn_HWC


def _grown(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    across, down = (right - left) * MARGIN, (bottom - top) * MARGIN
    sides_4 = np.array([left - across, top - down, right + across, bottom + down])
    sizes_4 = np.array([width, height, width, height])
    pixels_4 = np.clip(sides_4, 0.0, 1.0) * sizes_4
    return (
        int(pixels_4[0]),
        int(pixels_4[1]),
        int(np.ceil(pixels_4[2])),
        int(np.ceil(pixels_4[3])),
    )


def _blocks(rgb_HWC: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    """Average blocks of a picture, about square, and draw them smoothly."""
    height, width = rgb_HWC.shape[:2]
    columns = max(1, round(rows * width / height))
    small = Image.fromarray(rgb_HWC).resize((columns, rows), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
