"""Draws the page of the split: shares, what leaks would hide, nearest pairs, places.

One HTML file with everything in it. It is no hashed output: the reference model's figures differ in
their last bits between machines.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislewatch.frames.stills import jpeg
from aislewatch.frames.stretches import frame_times
from aislewatch.pages import templates
from aislewatch.segment.clips import SHOPLIFTING_CLASS
from aislewatch.split.assignment import QUANTITIES, SIDES
from aislewatch.split.leaks import nearest_across
from aislewatch.split.reference import Gap

# Frames shown of each video of a pair: a movement's beginning, middle and end.
SHOWN_FRAMES = 3
# Rows of the tables of cameras and of groups; what is cut off is said.
MOST_ROWS = 30


@dataclass(frozen=True)
class Store:
    """Says where frames are: ``fps`` and ``size`` of the store."""

    folder: Path
    fps: int
    size: int


def write_page(
    path: Path,
    report: Mapping[str, Any],
    splits: pd.DataFrame,
    videos: pd.DataFrame,
    duplicates: pd.DataFrame,
    bridges: pd.DataFrame,
    gap: Gap | None,
    store: Store,
) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        report: as ``leaks.leak_report`` returned it.
        splits: the finished split.
        videos: uses video, camera, scene, frames_file, n_frames, stretches and store_fps.
        duplicates: pairs a, b, share and the shared part in seconds, start_a_s to end_b_s.
        bridges: videos left out: video, because.
        gap: of the reference model, or None where there is too little footage.
        store: the frame store.
    """
    page = (
        templates("aislewatch.split")
        .get_template("split.html.j2")
        .render(
            report=report,
            n_videos=splits["video"].nunique(),
            sides=SIDES,
            quantities=QUANTITIES,
            gap=gap,
            pairs=_pairs(splits, videos, duplicates, store),
            places={column: _places(splits, videos, column) for column in ("camera", "scene")},
            groups=_largest_groups(splits),
            bridges=bridges.to_dict("records"),
            most=MOST_ROWS,
        )
    )
    path.write_text(page, encoding="utf-8")


def _pairs(
    splits: pd.DataFrame, videos: pd.DataFrame, duplicates: pd.DataFrame, store: Store
) -> list[dict[str, Any]]:
    files = dict(zip(videos["video"], videos["frames_file"], strict=True))
    times = frame_times(videos)
    labels = splits.groupby("video")["label"].max()
    pairs = _records(nearest_across(splits, duplicates))
    for pair in pairs:
        for end in ("a", "b"):
            video = pair[end]
            shown_s = np.linspace(pair[f"start_{end}_s"], pair[f"end_{end}_s"], SHOWN_FRAMES)
            frames = [times[video].frame_at(at_s) for at_s in shown_s.tolist()]
            pair[f"label_{end}"] = "shoplifting" if labels[video] == SHOPLIFTING_CLASS else "normal"
            pair[f"pictures_{end}"] = [
                base64.b64encode(jpeg(store.folder, files[video], frame, store.size)).decode()
                for frame in frames
            ]
    return pairs


def _places(splits: pd.DataFrame, videos: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """Count the clips on each side, a row a known camera or scene; the largest first."""
    place = splits["video"].map(dict(zip(videos["video"], videos[column], strict=True)))
    counts = pd.crosstab(place[place != ""], splits["split"]).reindex(columns=SIDES, fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    return _records(counts.reset_index(names="name"))


def _largest_groups(splits: pd.DataFrame) -> list[dict[str, Any]]:
    groups = splits.groupby("group").agg(
        clips=("start", "size"), videos=("video", "nunique"), split=("split", "first")
    )
    largest = groups.sort_values("clips", ascending=False, kind="stable").head(MOST_ROWS)
    return _records(largest.reset_index(names="name"))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
