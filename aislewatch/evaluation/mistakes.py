"""The clips a model got most wrong, as pictures a person can judge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray

from aislewatch.evaluation.figures import CLASSES
from aislewatch.evaluation.metrics import THRESHOLD
from aislewatch.evaluation.style import picture
from aislewatch.models.input import to_rgb, unpack_i420

# Pictures of a clip shown: its first, middle and last frame tell a movement's course.
SHOWN_FRAMES = 3

SHEET_COLUMNS = 3

# White around each picture of (T, S, S, 3), pixels: tells the three apart.
PADDING = ((0, 0), (0, 0), (1, 1), (0, 0))

# Characters of a video's name that fit above three pictures.
NAME_WIDTH = 64

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Mistake:
    """One clip called wrongly; ``start`` is its first frame in the store, ``start_s`` seconds."""

    video: str
    frames_file: str
    start: int
    start_s: float
    label: int
    score: float


def worst_mistakes(predictions: pd.DataFrame, count: int, fps: int) -> list[Mistake]:
    """Clips on the wrong side of the threshold, worst first, one a video.

    One a video, because neighbouring clips of one video fail together and would fill the sheet
    with one scene.

    Args:
        predictions: ``video``, ``frames_file``, ``start``, ``label``, ``score``; a row a clip.
        count: most mistakes returned.
        fps: frames a second of the store.
    """
    called = (predictions["score"] >= THRESHOLD).astype(np.int64)
    wrong = predictions[called != predictions["label"]]
    wrong = wrong.assign(distance=(wrong["score"] - wrong["label"]).abs())
    wrong = wrong.sort_values(["distance", "video", "start"], ascending=[False, True, True])
    return [
        Mistake(
            video=clip["video"],
            frames_file=clip["frames_file"],
            start=clip["start"],
            start_s=clip["start"] / fps,
            label=clip["label"],
            score=clip["score"],
        )
        for clip in wrong.drop_duplicates("video").head(count).to_dict("records")
    ]


def contact_sheet(
    mistakes: Sequence[Mistake], read: Callable[[Mistake], Frames], path: Path
) -> None:
    """First, middle and last frame of every mistake, with video, time, label and score.

    Args:
        mistakes: worst first.
        read: a mistake's frames, packed I420, uint8 (T, 3/2 S, S).
        path: PNG to write; written too when there is no mistake, and says so.
    """
    rows = max(1, -(-len(mistakes) // SHEET_COLUMNS))
    with picture(path, 4.2 * SHEET_COLUMNS, 1.85 * rows) as figure:
        panels = figure.subplots(rows, SHEET_COLUMNS, squeeze=False).ravel()
        for panel in panels:
            panel.set_axis_off()
        if not mistakes:
            panels[0].text(0.0, 0.5, "No clip was called wrongly.")
        for panel, mistake in zip(panels, mistakes, strict=False):
            _tile(panel, mistake, read(mistake))


def _tile(panel: Axes, mistake: Mistake, frames_TKW: Frames) -> None:
    shown = np.linspace(0, len(frames_TKW) - 1, SHOWN_FRAMES).round().astype(np.int64)
    strip = np.pad(rgb_pictures(frames_TKW[shown]), PADDING, constant_values=255)
    panel.imshow(np.concatenate(list(strip), axis=1))
    kind = "missed" if mistake.label else "false alarm"
    panel.set_title(
        f"{_shortened(mistake.video)}\n{mistake.start_s:.1f} s, {kind}: is "
        f"{CLASSES[mistake.label]}, score {mistake.score:.3f}",
        fontsize=7,
        loc="left",
        parse_math=False,
    )


def _shortened(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"


def rgb_pictures(frames_TKW: Frames) -> NDArray[np.uint8]:
    """RGB uint8 (T, S, S, 3) of packed I420 frames, by the conversion that the networks use."""
    y, u, v = unpack_i420(torch.from_numpy(np.ascontiguousarray(frames_TKW))[None])
    wide = [plane.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2) for plane in (u, v)]
    x_BTCHW = to_rgb(y.float(), wide[0].float(), wide[1].float()).clamp(0.0, 1.0)
    pictures: NDArray[np.uint8] = (x_BTCHW[0].permute(0, 2, 3, 1) * 255).round().byte().numpy()
    return pictures
