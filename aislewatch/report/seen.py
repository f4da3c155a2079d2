"""Finds the box of the person whom a clip's score is of, to be drawn into its pictures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from aislewatch.frames.sources import NO_TRACK

# Of a box in a picture of 128 pixels a side: seen at a glance, and hides nothing.
LINE, LINE_WIDTH = (255, 220, 0), 1
# The same colour, as matplotlib takes it.
BOX = tuple(level / 255 for level in LINE)

SIDES = ["left", "top", "right", "bottom"]


@dataclass(frozen=True)
class Still:
    """A picture of a moment, with the box of a person in it.

    Args:
        at_s: when it is shown, seconds.
        frame_KW: of the store, packed I420.
        box: left, top, right, bottom, shares of the picture; None where there is none to show.
        aspect: width of the picture as displayed over its height.
    """

    at_s: float
    frame_KW: NDArray[np.uint8]
    box: NDArray[np.float64] | None
    aspect: float


class SeenPeople:
    """Where people are in the footage.

    Args:
        tracks: the table of that name.
        catalog: uses video, width, height (pixels, as displayed).
    """

    def __init__(self, tracks: pd.DataFrame, catalog: pd.DataFrame) -> None:
        self._ways = dict(list(tracks.groupby(["video", "track"])))
        sizes = zip(catalog["video"], catalog["width"], catalog["height"], strict=True)
        self._sizes = {video: np.array([w, h, w, h], float) for video, w, h in sizes}

    def boxes(self, video: str, track: int, frames_T: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a person's box in these frames of the store: (T, 4) shares of the picture.

        Left, top, right, bottom; before and after a person's way, its first and last box. No row at
        all where ``track`` is that of a whole picture.
        """
        if track == NO_TRACK:
            return np.zeros((0, 4))
        way = self._ways[video, track]
        nearest = np.clip(frames_T - way["frame"].iloc[0], 0, len(way) - 1)
        boxes_T4: NDArray[np.float64] = way[SIDES].to_numpy()[nearest] / self._sizes[video]
        return boxes_T4


def with_box(rgb_SSC: NDArray[np.uint8], box: NDArray[np.float64]) -> Image.Image:
    """Draw a box, shares of the picture, into a picture."""
    picture = Image.fromarray(rgb_SSC)
    side = np.array([picture.width, picture.height] * 2)
    outline = (np.clip(box, 0.0, 1.0) * (side - 1)).round().tolist()
    ImageDraw.Draw(picture).rectangle(outline, outline=LINE, width=LINE_WIDTH)
    return picture
