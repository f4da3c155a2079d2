"""The tables of the validate stage: labels, properties and copies of videos, and every problem."""

from aislewatch.tables import places
from aislewatch.tables.table import Column, Table

ANNOTATIONS = Table(
    places.ANNOTATIONS,
    "validate",
    "an interval of a video, sorted by `video` and time",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("label", "str", "`shoplifting`, `normal` or `unlabeled`"),
        Column("start_s", "float64", "where it begins", "s"),
        Column("end_s", "float64", "where it ends", "s"),
    ),
)

# Further properties of a video are what a videos.csv or a table of labels names.
VIDEOS = Table(
    places.VIDEOS,
    "validate",
    "an accepted video, sorted by `video`; unknown values are empty",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("source", "str", "first folder of that path"),
        Column("camera", "str", "as a label file names it, else its folders"),
        Column("recording", "str", "take it was cut from; empty: told by the file's name"),
        Column("official", "str", "its authors' side: `train`, `val`, `test` or empty"),
        Column("scene", "str", "a video with the same background"),
    ),
    further="str",
)

DUPLICATES = Table(
    places.DUPLICATES,
    "validate",
    "two videos that share footage, `a` before `b`, sorted",
    (
        Column("a", "str", "path below `data/raw`"),
        Column("b", "str", "path below `data/raw`"),
        Column("share", "float64", "of the moving frames of the one that moves less", "0 to 1"),
        Column("is_copy", "bool", "share enough to belong together"),
        Column("same_bytes", "bool", "are the same file"),
        Column("labels_conflict", "bool", "were given opposing labels for what they share"),
        Column("start_a_s", "float64", "where the shared part begins in `a`", "s"),
        Column("end_a_s", "float64", "where it ends in `a`", "s"),
        Column("start_b_s", "float64", "where it begins in `b`", "s"),
        Column("end_b_s", "float64", "where it ends in `b`", "s"),
        Column("speed", "float64", "of `b` against `a`", "times"),
        Column("mirrored", "bool", "one shows the other in a mirror"),
    ),
)

VALIDATION = Table(
    places.VALIDATION,
    "validate",
    "a problem, errors first, then by place",
    (
        Column("file", "str", "the file to open, relative to the project's root"),
        Column("row", "Int64", "line in that file; empty: the whole file", "lines, the first is 1"),
        Column("video", "str", "path below `data/raw`; empty where none is concerned"),
        Column("level", "str", "`error` stops the pipeline, `warning` does not"),
        Column("rule", "str", "short name of the rule that was broken"),
        Column("problem", "str", "what was seen"),
        Column("remedy", "str", "what to do about it"),
    ),
)
