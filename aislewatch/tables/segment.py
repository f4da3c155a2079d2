"""The table of the segment stage: the clips."""

from aislewatch.tables import places
from aislewatch.tables.table import Column, Table

CLIPS = Table(
    places.CLIPS,
    "segment",
    "a clip, sorted by `video` and `start`",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("frames_file", "str", "name of the video's file in `data/dataset/frames`"),
        Column("start", "int64", "its first frame in the store", "frames, the first is 0"),
        Column("label", "int64", "0 normal, 1 shoplifting"),
        Column("overlap", "float64", "largest overlap with an event", "0 to 1"),
    ),
)
