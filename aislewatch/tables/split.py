"""The tables of the split stage: who is on which side, who is on none, and the split's memory."""

from aislewatch.tables import places
from aislewatch.tables.segment import CLIPS
from aislewatch.tables.table import Column, Table

ASSIGNMENTS = Table(
    places.ASSIGNMENTS,
    "",
    "an accepted video of a split that was accepted; `aislewatch split accept` appends",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("sha256", "str", "of the original file"),
        Column("split", "str", "`train`, `val` or `test`"),
    ),
)

SPLITS = Table(
    places.SPLITS,
    "split",
    "a clip that takes part, sorted by `video` and `start`",
    (
        *CLIPS.columns,
        Column("group", "str", "first video of those that must stay on one side"),
        Column("split", "str", "`train`, `val` or `test`"),
    ),
)

BRIDGES = Table(
    places.BRIDGES,
    "split",
    "a video left out of the split, sorted by `video`",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("because", "str", "a video of each side that it is tied to, and how"),
    ),
)
