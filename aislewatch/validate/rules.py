"""Lists what the catalog and the annotations must satisfy, rule by rule.

Readers of label files (``labels``) name faults in their own terms; the rules here hold the
assembled tables to the same, whatever they were assembled from. ``expectations`` evaluates them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED
from aislewatch.labels.checks import ROUNDING_S
from aislewatch.tables import places

LABELS = [NORMAL, SHOPLIFTING, UNLABELED]
INGEST = "make the table again: dvc repro --force --single-item ingest"
CORRECT = "correct the row"


@dataclass(frozen=True)
class Rule:
    """States one expectation, and the words for people.

    Args:
        expectation: its class in Great Expectations.
        arguments: what that class is called with.
        name: equals the rule that a label reader reports, so that no fault is listed twice.
        must: what must hold, as the end of a message: ``width must be at least 1``.
        remedy: what to do where it does not.
    """

    expectation: str
    arguments: Mapping[str, Any]
    name: str
    must: str
    remedy: str


@dataclass(frozen=True)
class Suite:
    """Holds the rules of one table.

    Args:
        name: of the table.
        file: is blamed where a failure belongs to no row.
        table: the rows, with the columns that the rules compare.
        rules: what every row, or the table, must satisfy.
        place: the columns that tell where a failing row comes from.
    """

    name: str
    file: str
    table: pd.DataFrame
    rules: Sequence[Rule]
    place: Sequence[str]


def catalog_suite(
    catalog: pd.DataFrame, annotations: pd.DataFrame, sources: Iterable[str]
) -> Suite:
    """State what ingest must have written, and that every accepted video has a label."""
    intervals = annotations.groupby("video").size()
    counts = catalog["video"].map(intervals).fillna(0).astype("int64")
    table = catalog.assign(intervals=counts).reset_index(drop=True)
    filled = ["video", "source", "camera", "label", "sha256", "frames_file"]
    rules = [
        _not_empty(f"add footage to {places.RAW}"),
        _rule(
            "ColumnValuesToBeUnique",
            "unique_video",
            "video must be listed once",
            INGEST,
            column="video",
        ),
        *(_missing(column, f"{column}_missing", INGEST) for column in filled),
        _set("source", list(sources), "known_source", "name the source in params.yaml: sources"),
        _set("label", LABELS, "known_folder_label", INGEST),
        _regex("video", r"^[^/]+(?:/[^/]+)+$", "video_path"),
        _regex("sha256", r"^[0-9a-f]{64}$", "sha256_form"),
        _regex("frames_file", r"^[^/]+$", "frames_file_name"),
        _range("n_frames", 1, "has_frames"),
        _range("width", 1, "width_range"),
        _range("height", 1, "height_range"),
        _range("pictures", 1, "has_pictures"),
        _range("fps", 0, "fps_range", strict_min=True),
        _range("duration_s", 0, "duration_range", strict_min=True),
        _greater("end_s", "duration_s", "end_range", INGEST, or_equal=True),
        _range("intervals", 1, "has_interval", remedy="say in its label file what it shows"),
    ]
    return Suite("catalog", places.CATALOG.as_posix(), table, rules, ["video"])


def annotations_suite(
    annotations: pd.DataFrame, catalog: pd.DataFrame, frame_s: float, min_event_s: float
) -> Suite:
    """State that labels are known, intervals inside their videos, and none there twice.

    Args:
        annotations: as ``annotations.assemble`` returned it.
        catalog: the accepted videos.
        frame_s: tolerance at a video's end, in seconds.
        min_event_s: shortest event, in seconds.
    """
    ends = catalog.drop_duplicates("video").set_index("video")["end_s"]
    length = annotations["end_s"] - annotations["start_s"]
    video_end = annotations["video"].map(ends).astype("float64")
    table = annotations.assign(
        video_end_s=video_end,
        # Times are decimal fractions: without the rounding 0.9 - 0.6 is shorter than 0.3.
        latest_end_s=video_end + frame_s + ROUNDING_S,
        event_s=length.where((annotations["label"] == SHOPLIFTING) & (length > 0)) + ROUNDING_S,
    )
    interval = ["video", "start_s", "end_s", "label"]
    ordered, inside = ("end_s", "start_s"), ("latest_end_s", "end_s")
    rules = [
        _not_empty("add labelled footage"),
        _missing("video_end_s", "known_video", "add the file or remove the row"),
        _missing("start_s", "start_s_number", CORRECT),
        _missing("end_s", "end_s_number", CORRECT),
        _set("label", LABELS, "known_label", "write shoplifting, normal or unlabeled"),
        _range("start_s", 0, "start_s_range", remedy=CORRECT),
        _greater(*ordered, "order", "swap or correct the two times"),
        _greater(*inside, "inside_video", "correct the time", or_equal=True),
        _range("event_s", min_event_s, "event_length", remedy="lengthen or remove the event"),
        _rule(
            "CompoundColumnsToBeUnique",
            "repeated_row",
            "an interval of a video must be listed once",
            "remove one",
            column_list=interval,
        ),
    ]
    return Suite(
        "annotations", places.ANNOTATIONS.as_posix(), table, rules, ["video", "file", "row"]
    )


def _rule(expectation: str, name: str, must: str, remedy: str, **arguments: Any) -> Rule:
    return Rule(f"Expect{expectation}", arguments, name, must, remedy)


def _not_empty(remedy: str) -> Rule:
    must = "must have at least 1 row"
    return _rule("TableRowCountToBeBetween", "not_empty", must, remedy, min_value=1)


def _missing(column: str, name: str, remedy: str) -> Rule:
    return _rule("ColumnValuesToNotBeNull", name, f"{column} must be given", remedy, column=column)


def _set(column: str, values: Sequence[str], name: str, remedy: str) -> Rule:
    must = f"{column} must be one of: {', '.join(values)}"
    bounds = {"column": column, "value_set": list(values)}
    return _rule("ColumnValuesToBeInSet", name, must, remedy, **bounds)


def _regex(column: str, regex: str, name: str) -> Rule:
    must = f"{column} must have the form {regex}"
    return _rule("ColumnValuesToMatchRegex", name, must, INGEST, column=column, regex=regex)


def _range(
    column: str, least: float, name: str, remedy: str = INGEST, strict_min: bool = False
) -> Rule:
    must = f"{column} must be {'above' if strict_min else 'at least'} {least:g}"
    bounds = {"column": column, "min_value": least, "strict_min": strict_min}
    return _rule("ColumnValuesToBeBetween", name, must, remedy, **bounds)


def _greater(a: str, b: str, name: str, remedy: str, or_equal: bool = False) -> Rule:
    must = f"{a} must be {'at least' if or_equal else 'above'} {b}"
    # A missing time is another rule's failure.
    columns = {"column_A": a, "column_B": b, "or_equal": or_equal}
    ignored = "either_value_is_missing"
    return _rule(
        "ColumnPairValuesAToBeGreaterThanB", name, must, remedy, ignore_row_if=ignored, **columns
    )
