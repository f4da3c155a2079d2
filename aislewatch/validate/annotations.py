"""Gathers all labels that later stages read: a row an interval of a video."""

import math
from collections.abc import Mapping

import pandas as pd

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED, Span, cut, gaps
from aislewatch.frames.timing import PictureTimes
from aislewatch.labels.protocol import LabelRow, Labels, Video
from aislewatch.tables import places
from aislewatch.tables.validate import ANNOTATIONS

ORDER = ["video", "start_s", "end_s", "label"]

# Columns that tell where a label came from; they serve the checks and are not stored.
ORIGIN = ["file", "row"]


def assemble(
    videos: Mapping[str, Video], labels: Mapping[str, Labels], frame_s: float
) -> pd.DataFrame:
    """Gather all intervals of all accepted videos, and rows that name no accepted video.

    A video with rows has those intervals; where none of them is shoplifting or normal, what they
    leave is normal. A video without rows is as a whole what its source says, else unlabeled: an
    event from its first picture to its last, anything else only where there are pictures.

    Args:
        videos: the accepted ones, by name.
        labels: of every source.
        frame_s: seconds by which an interval may end after its video; it is cut to the video's end.

    Returns:
        video, label, start_s, end_s (seconds, float64), file, row (Int64; NA = the whole file or
        folder says so), sorted by video and time.
    """
    rows: dict[str, list[LabelRow]] = {}
    records: list[tuple[str, str, float, float, str, int | None]] = []
    for row in (row for source in sorted(labels) for row in labels[source].rows):
        rows.setdefault(row.video, []).append(row)
        # A rounding more than a frame.
        video_s = videos[row.video].duration_s if row.video in videos else math.inf
        end_s = cut(row.end_s, video_s, frame_s * 1.001)
        records.append((row.video, row.label, row.start_s, end_s, row.file, row.row))
    whole = {video: label for own in labels.values() for video, label in own.whole.items()}
    for video, facts in videos.items():
        place, spans = f"{places.RAW}/{video}", rows.get(video, [])
        label, rest = whole.get(video, UNLABELED), []
        if not spans:
            shown = facts.shown()
            rest = [Span(shown[0].start_s, shown[-1].end_s)] if label == SHOPLIFTING else shown
        elif all(row.label == UNLABELED for row in spans):
            known = [Span(row.start_s, row.end_s) for row in spans]
            holes = [Span(*gap) for gap in facts.times.gaps_s()]
            label, rest = NORMAL, gaps([*known, *holes], facts.duration_s, least_s=frame_s)
        records += [(video, label, span.start_s, span.end_s, place, None) for span in rest]
    table = pd.DataFrame(records, columns=ANNOTATIONS.names + ORIGIN)
    table = table.astype({**ANNOTATIONS.dtypes, "file": "str", "row": "Int64"})
    return table.sort_values([*ORDER, "row"], ignore_index=True)


def source_videos(catalog: pd.DataFrame, times: Mapping[str, PictureTimes]) -> dict[str, Video]:
    """Return the videos of a catalog, as label files are checked against them.

    Args:
        catalog: ingest's table; uses video, label.
        times: of the pictures of each video of the catalog.
    """
    columns = (catalog[name].tolist() for name in ("video", "label"))
    return {video: Video(label, times[video]) for video, label in zip(*columns, strict=True)}


def video_labels(annotations: pd.DataFrame) -> dict[str, str]:
    """Label each video: the first of shoplifting, normal and unlabeled that a part of it has."""
    labels: dict[str, str] = {}
    for label in (UNLABELED, NORMAL, SHOPLIFTING):
        labels |= dict.fromkeys(annotations.loc[annotations["label"] == label, "video"], label)
    return labels
