"""The table of the score stage: what a network says of every clip of validation and test."""

from aislewatch.tables import places
from aislewatch.tables.table import Column, Table


def scores_of(model: str) -> Table:
    """Return the table of one network's scores."""
    return Table(
        places.scores_folder(model) / "clips.parquet",
        "score",
        "a clip of validation or test, by video and start",
        (
            Column("video", "str", "path below `data/raw`"),
            Column("frames_file", "str", "its file in `data/dataset/frames`"),
            Column("start", "int64", "its first frame in the store", "frames, the first is 0"),
            Column("start_s", "float64", "when it begins in the video", "seconds"),
            Column("end_s", "float64", "when it ends", "seconds"),
            Column("split", "str", "`val` or `test`"),
            Column("label", "Int64", "0 normal, 1 shoplifting; none where it was not labelled"),
            Column("successive", "bool", "one of the clips, half a clip apart, that cover a video"),
            Column(
                "track", "int64", "the person whose score it is; -1: the whole picture, or nobody"
            ),
            Column("score", "float64", "probability of shoplifting", "0 to 1"),
        ),
    )
