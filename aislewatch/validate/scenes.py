"""Finds videos with the same fixed background: one camera, told by the still pictures.

A scene groups nothing by itself: every hour of a shop's camera shows the same shelves. It tells how
far a test is one of unseen places.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from aislewatch.frames.fingerprint import CELL_COUNT, Fingerprint

# Share of the cells that must agree, and grey levels within which two do. In 3 s somebody who
# stands still hides a third of the corpus's room, and its camera was put up anew again and again:
# its 274 clips become 18 scenes. With videos of other places 1 clip in 100 agrees by half.
MIN_AGREEING = 0.5
TOLERANCE = 8.0

# Standard deviation, in grey levels, that the agreeing cells must have: dark and empty pictures
# agree without showing anything.
MIN_SPREAD = 10.0

# Stills of a video that are looked at: the median of these hides who walks by.
STILLS = 64


def find_scenes(videos: Mapping[str, Fingerprint]) -> dict[str, str]:
    """Find each video's first one, by name, with its background; it may be the video itself.

    Videos are taken by name: each joins the scene it agrees with most, or opens a new one. The
    background is compared as it is, neither moved nor mirrored.
    """
    names = sorted(videos)
    pictures_VN = np.array([_background(videos[name]) for name in names]).reshape(-1, CELL_COUNT)
    openers_ON = np.empty_like(pictures_VN)
    scenes: dict[str, str] = {}
    opened: list[str] = []
    for name, picture_N in zip(names, pictures_VN, strict=True):
        agreeing_O = _agreeing(openers_ON[: len(opened)], picture_N)
        best = int(agreeing_O.argmax()) if len(opened) else 0
        if len(opened) and agreeing_O[best] >= MIN_AGREEING:
            scenes[name] = opened[best]
        else:
            openers_ON[len(opened)] = picture_N
            opened.append(name)
            scenes[name] = name
    return scenes


def _background(video: Fingerprint) -> npt.NDArray[np.float32]:
    """Compute the median of stills from the whole of a video, (256,)."""
    every = np.unique(np.linspace(0, len(video.stills_SYX) - 1, STILLS).astype(int))
    median = np.median(video.stills_SYX[every].reshape(-1, CELL_COUNT), axis=0)
    background: npt.NDArray[np.float32] = median.astype(np.float32)
    return background


def _agreeing(
    openers_ON: npt.NDArray[np.float32], picture_N: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Return the share of cells that agree but for brightness, 0 where those show nothing: (O,)."""
    apart_ON = openers_ON - picture_N
    apart_ON -= np.median(apart_ON, axis=1, keepdims=True)
    agree_ON = np.abs(apart_ON) <= TOLERANCE
    count_O = np.maximum(agree_ON.sum(axis=1), 1)
    # Cells are halves of grey levels: their sums and those of their squares are exact.
    mean_O = (agree_ON @ picture_N.astype(np.float64)) / count_O
    spread_O = (agree_ON @ np.square(picture_N.astype(np.float64))) / count_O - mean_O**2
    return np.where(spread_O >= MIN_SPREAD**2, agree_ON.mean(axis=1), 0.0)
