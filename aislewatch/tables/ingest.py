"""The tables of the ingest stage: which videos there are, how they move, when."""

from aislewatch.tables import places
from aislewatch.tables.table import Column, Table

CATALOG = Table(
    places.CATALOG,
    "ingest",
    "an accepted video, sorted by `video`",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("source", "str", "first folder of that path"),
        Column("camera", "str", "its folders, without those named after a class"),
        Column("label", "str", "of its folder: `shoplifting`, `normal` or `unlabeled`"),
        Column("sha256", "str", "of the original file"),
        Column("frames_file", "str", "name of its file in `data/dataset/frames`"),
        Column("n_frames", "int64", "its length in the store", "frames"),
        Column("store_fps", "int64", "rate of the store", "frames/s"),
        Column(
            "stretches",
            "str",
            "its frames from gap to gap, each time as `first@instant`: the first of them, and when "
            "that is shown, in frames since second 0 of a player's clock",
            "frames",
        ),
        Column("pictures", "int64", "pictures of the original, counted"),
        Column("fps", "float64", "of them, on average while there are any", "pictures/s"),
        Column("width", "int64", "of the original, as displayed", "pixels"),
        Column("height", "int64", "of the original, as displayed", "pixels"),
        Column("duration_s", "float64", "how long there is a picture; gaps do not count", "s"),
        Column("end_s", "float64", "when its last picture ends, by a player's clock", "s"),
        Column("codec", "str", "of the original, as ffmpeg calls it"),
        Column("lost_s", "float64", "what was damaged at its end; 0 where it is whole", "s"),
        Column("notices", "str", "what else to know of it, a line each: `seen -> what to do`"),
    ),
)

FINGERPRINTS = Table(
    places.FINGERPRINTS,
    "ingest",
    "an accepted video, sorted by `video`",
    (
        Column("video", "str", "path below `data/raw`"),
        Column("signature", "object", "what moves in it, and how it looks once a second"),
        Column("n_frames", "int64", "its length in the store", "frames"),
        Column("fps", "int64", "rate of the store", "frames/s"),
    ),
)

PICTURE_TIMES = Table(
    places.PICTURE_TIMES,
    "ingest",
    "an accepted video, sorted by `video`",
    (
        Column("video", "str", "path below `data/raw`"),
        Column(
            "bounds_ns",
            "object",
            "from when and until when each picture of the original is shown, by a player's clock: "
            "two little-endian int64 a picture",
            "ns",
        ),
    ),
)

QUARANTINE = Table(
    places.QUARANTINE,
    "ingest",
    "a refused file, sorted by `video`",
    (
        Column("video", "str", "path below `data/raw`, with escapes where it is not UTF-8"),
        Column("reason", "str", "short, for programs: `truncated`, `timeout` …"),
        Column("detail", "str", "what is wrong, with the decoder's own words in brackets"),
        Column("remedy", "str", "what to do about it, with a command where there is one"),
    ),
)
