"""Shows the clips a model got most wrong, as short films that a person can judge."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from aislewatch.models.colours import rgb_planes
from aislewatch.report.seen import with_box
from aislewatch.score.predictions import THRESHOLD

# Of WebP, 0 to 100: a clip of 16 frames is some 20 kB, and a hand can still be followed.
LOOP_QUALITY = 60
# Effort of the encoder, 0 to 6: 4 writes 24 clips in two seconds.
LOOP_METHOD = 4

Frames = NDArray[np.uint8]

NOBODY: NDArray[np.float64] = np.zeros((0, 4))


@dataclass(frozen=True)
class Mistake:
    """One clip called wrongly; ``start`` is its first frame in the store, ``start_s`` seconds."""

    video: str
    frames_file: str
    start: int
    start_s: float
    label: int
    score: float
    track: int


def worst_mistakes(predictions: pd.DataFrame, label: int, count: int) -> list[Mistake]:
    """List clips of one class on the wrong side of the threshold, worst first, one per video.

    One a video, because neighbouring clips of one video fail together and would fill the sheet
    with one scene.

    Args:
        predictions: ``video``, ``frames_file``, ``start``, ``start_s``, ``label``, ``score``,
            ``track``.
        label: 0 for false alarms, 1 for misses.
        count: most mistakes returned.
    """
    called = (predictions["score"] >= THRESHOLD).astype(np.int64)
    wrong = predictions[(called != label) & (predictions["label"] == label)]
    wrong = wrong.assign(distance=(wrong["score"] - wrong["label"]).abs())
    wrong = wrong.sort_values(["distance", "video", "start"], ascending=[False, True, True])
    return [
        Mistake(
            video=clip["video"],
            frames_file=clip["frames_file"],
            start=clip["start"],
            start_s=clip["start_s"],
            label=clip["label"],
            score=clip["score"],
            track=clip["track"],
        )
        for clip in wrong.drop_duplicates("video").head(count).to_dict("records")
    ]


def write_loop(
    frames_TKW: Frames, fps: float, path: Path, boxes_T4: NDArray[np.float64] = NOBODY
) -> None:
    """Write a clip as an animated WebP that plays over and over, at the clip's own pace.

    Args:
        frames_TKW: packed I420, uint8 (T, 3/2 S, S).
        fps: of these frames.
        path: where to write.
        boxes_T4: left, top, right, bottom of the person in each frame, shares of the picture; no
            row at all where there is nobody to show.
    """
    pictures = rgb_pictures(frames_TKW)
    if len(boxes_T4):
        first, *others = map(with_box, pictures, boxes_T4)
    else:
        first, *others = map(Image.fromarray, pictures)
    first.save(
        path,
        format="WEBP",
        save_all=True,
        append_images=others,
        duration=round(1000 / fps),
        loop=0,
        quality=LOOP_QUALITY,
        method=LOOP_METHOD,
    )


def rgb_pictures(frames_TKW: Frames) -> NDArray[np.uint8]:
    """Convert packed I420 frames to RGB uint8 (T, S, S, 3), as the networks' input does."""
    size = frames_TKW.shape[-1]
    half, chroma_rows = size // 2, size // 4
    planes_TKW = frames_TKW.astype(np.float32)
    packed = planes_TKW[:, size : size + chroma_rows], planes_TKW[:, size + chroma_rows :]
    u, v = (plane.reshape(-1, half, half).repeat(2, axis=-1).repeat(2, axis=-2) for plane in packed)
    rgb = np.stack(rgb_planes(planes_TKW[:, :size], u, v), axis=-1)
    pictures: NDArray[np.uint8] = (rgb.clip(0.0, 1.0) * 255).round().astype(np.uint8)
    return pictures
