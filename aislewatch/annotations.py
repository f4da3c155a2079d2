"""Who was labelled what, when: one row an interval, the only labels that later stages know."""

from collections.abc import Mapping, Sequence

import pandas as pd

from aislewatch.sources.checks import Video
from aislewatch.sources.folder import LabelRow
from aislewatch.sources.problems import RAW

COLUMNS = ["video", "label", "start_s", "end_s"]
ORDER = ["video", "start_s", "end_s", "label"]

# Columns that tell where a label came from; they serve the checks and are not stored.
ORIGIN = ["file", "row"]


def assemble(
    catalog: pd.DataFrame, rows: Mapping[str, Sequence[LabelRow]], frame_s: float
) -> pd.DataFrame:
    """All intervals of all accepted videos, and rows that name no accepted video.

    A video with rows has those intervals. Without rows, a video of a source that has an events.csv
    and stands in ``shoplifting/`` has none (a fault that validation reports); any other video is
    one interval from 0 to its end, labelled like its folder.

    Args:
        catalog: ingest's table; uses video, source, label, duration_s.
        rows: for every source with an events.csv, its rows.
        frame_s: seconds by which an event may end after its video; it is cut to the video's end.

    Returns:
        video, label, start_s, end_s (seconds, float64), file, row (Int64; NA = the folder's label),
        sorted by video and time.
    """
    listed = [row for source in sorted(rows) for row in rows[source]]
    named = {row.video for row in listed}
    ends = dict(zip(catalog["video"], catalog["duration_s"], strict=True))
    records: list[tuple[str, str, float, float, str, int | None]] = [
        (
            row.video,
            row.label,
            row.start_s,
            _cut(row.end_s, ends.get(row.video), frame_s),
            row.file,
            row.row,
        )
        for row in listed
    ]
    columns = (catalog[name].tolist() for name in ("video", "source", "label", "duration_s"))
    for video, source, label, duration_s in zip(*columns, strict=True):
        exact = source in rows and label == "shoplifting"
        if video not in named and not exact:
            records.append((video, label, 0.0, duration_s, f"{RAW}/{video}", None))
    table = pd.DataFrame(records, columns=COLUMNS + ORIGIN)
    types = {"video": "str", "label": "str", "start_s": "float64", "end_s": "float64"}
    table = table.astype({**types, "file": "str", "row": "Int64"})
    return table.sort_values([*ORDER, "row"], ignore_index=True)


def _cut(end_s: float, duration_s: float | None, frame_s: float) -> float:
    """An end at most one frame (and a rounding) after the video's is the video's."""
    if duration_s is not None and duration_s < end_s <= duration_s + frame_s * 1.001:
        return duration_s
    return end_s


def source_videos(catalog: pd.DataFrame, source: str) -> dict[str, Video]:
    """The accepted videos of one source, as its label file is checked against them."""
    chosen = catalog[catalog["source"] == source]
    columns = (chosen["video"], chosen["label"], chosen["duration_s"])
    return {v: Video(str(lbl), float(d)) for v, lbl, d in zip(*columns, strict=True)}


def video_labels(annotations: pd.DataFrame) -> dict[str, str]:
    """One label a video: ``shoplifting`` where it has an event, else the label of its interval."""
    ordered = annotations.sort_values(ORDER)
    labels = dict(zip(ordered["video"], ordered["label"], strict=True))
    events = ordered.loc[ordered["label"] == "shoplifting", "video"]
    return labels | dict.fromkeys(events, "shoplifting")
