"""The tables of the track stage: where people are in the footage, and each one's way through it."""

from aislewatch.tables import places
from aislewatch.tables.table import Column, Table

TRACKS = Table(
    places.TRACKS,
    "track",
    "a person in a frame, sorted by `video`, `track` and `frame`",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("track", "int64", "the person's way through the video", "the first is 0"),
        Column("frame", "int64", "frame of the video in the store", "frames, the first is 0"),
        Column("left", "float64", "of the box, in the picture as displayed", "pixels"),
        Column("top", "float64", "of the box", "pixels"),
        Column("right", "float64", "of the box", "pixels"),
        Column("bottom", "float64", "of the box", "pixels"),
        Column("score", "float64", "the detector's; of the nearer end if interpolated", "0 to 1"),
        Column("interpolated", "bool", "lies between two boxes that the detector found"),
    ),
)

TRACKED = Table(
    places.TRACKED,
    "track",
    "a track, sorted by `video` and `track`",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("track", "int64", "its number in the video", "the first is 0"),
        Column(
            "file",
            "str",
            "name of its file, the same in `squares` and `features` of `data/dataset/people`",
        ),
        Column("first", "int64", "the store's frame that its file begins with", "frames"),
        Column("n_frames", "int64", "length of its file", "frames"),
        Column(
            "prominence",
            "float64",
            "tells the main person of several: share of the picture × score × motion in the box, "
            "on average",
            "grey levels",
        ),
    ),
)
