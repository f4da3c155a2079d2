"""Measures one model on parts of the footage: a mean over all hides where it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.alerts.rule import AlertRule
from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.alarms import AlertFigures, alert_figures
from aislewatch.evaluate.intervals import Interval, interval, resampled_metrics
from aislewatch.frames.clip_frames import read_clip
from aislewatch.score.events import VideoScores
from aislewatch.tables.validate import VIDEOS

# Mean luma, of 16 to 235, below which a video is dark. Of the 337 real videos we have, those a
# person calls dark lie below 70, lit shops between 90 and 150.
DARK_LUMA = 70.0

# Height of the original picture, in pixels, from which it is no longer of low resolution: UCF-Crime
# and most old recorders deliver 240.
LOW_HEIGHT = 360

# Frames of a video that its brightness is measured on, spread over its length.
LUMA_FRAMES = 8

# Values of one property that get a slice, those of the most videos: the rows of a table that one
# still reads; each takes as long as the figures of a whole model.
MOST_SLICES = 20

FIGURES = ("accuracy", "auc")


@dataclass(frozen=True)
class Slice:
    """Holds the chosen model's figures on the test videos whose property ``by`` is ``name``."""

    by: str
    name: str
    videos: int
    clips: int
    metrics: Mapping[str, Interval]
    alerts: AlertFigures


def slice_figures(
    predictions: pd.DataFrame,
    videos: Sequence[VideoScores],
    properties: pd.DataFrame,
    rule: AlertRule,
    settings: Evaluate,
) -> list[Slice]:
    """Measure the model on the videos of each value of each property, the frequent values first.

    A property with one value makes no slice, nor does a value that is unknown.

    Args:
        predictions: ``video``, ``label``, ``score``; a row a labelled test clip.
        videos: the same test videos, scored from beginning to end.
        properties: a row a video, by its name; a column a property (camera, lighting, store).
        rule: the model's operating point.
        settings: of the intervals.
    """
    found = []
    for by in properties.columns:
        names = properties.loc[sorted({video.video for video in videos}), by]
        for name in _values(names):
            members = set(names.index[names == name])
            clips = predictions[predictions["video"].isin(members)].reset_index(drop=True)
            if not len(clips):
                continue
            figures = resampled_metrics(clips, settings)
            found.append(
                Slice(
                    by=str(by),
                    name=str(name),
                    videos=len(members),
                    clips=len(clips),
                    metrics={m: interval(figures[m], settings.confidence) for m in FIGURES},
                    alerts=alert_figures(
                        [video for video in videos if video.video in members], rule, settings
                    ),
                )
            )
    return found


def _values(names: pd.Series) -> list[str]:
    """List the values that make slices: the first most frequent, none where all are the same."""
    known = names[names != ""]
    return list(known.value_counts().index[:MOST_SLICES]) if names.nunique() > 1 else []


def video_properties(
    catalog: pd.DataFrame, videos: pd.DataFrame, frames_dir: Path, size: int
) -> pd.DataFrame:
    """Collect source, camera, lighting, resolution and what else is known of videos, by name.

    Lighting and resolution are measured, unless a column of ``videos`` tells them. A column in
    which no two videos have the same value only numbers them, and is left out.

    Args:
        catalog: uses video, height (as displayed), frames_file, n_frames.
        videos: ``tables.validate.VIDEOS``, with a row at least for each video of the catalog.
        frames_dir: the frame store.
        size: pixels a side of its frames.
    """
    lumas = [
        mean_luma(frames_dir, row["frames_file"], row["n_frames"], size)
        for row in catalog.to_dict("records")
    ]
    known = videos.set_index("video").loc[catalog["video"].tolist()]
    further = [str(name) for name in videos if name not in VIDEOS.names]
    repeated = [name for name in further if _repeats(known[name])]
    measured = pd.DataFrame(
        {
            "source": known["source"],
            "camera": known["camera"],
            "lighting": np.where(np.array(lumas) < DARK_LUMA, "dark", "lit"),
            "resolution": np.where(catalog["height"] < LOW_HEIGHT, "low", "high"),
        },
        index=known.index,
    )
    for name in repeated:
        told = known[name]
        measured[name] = told.where(told != "", measured[name]) if name in measured else told
    return measured


def _repeats(values: pd.Series) -> bool:
    return bool(values[values != ""].duplicated().any())


def mean_luma(frames_dir: Path, frames_file: str, n_frames: int, size: int) -> float:
    """Measure the mean luma (16 black, 235 white) over some frames of a stored video."""
    step = max(1, n_frames // LUMA_FRAMES)
    count = min(LUMA_FRAMES, n_frames)
    frames_TKW = np.empty((count, size * 3 // 2, size), np.uint8)
    read_clip(frames_dir, frames_file, 0, count, step, frames_TKW)
    return float(frames_TKW[:, :size].mean())
