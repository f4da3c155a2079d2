"""The table of the evaluate stage that other programs may want to read: every score of a clip."""

from aislewatch.tables import places
from aislewatch.tables.table import Column, Table

PREDICTIONS = Table(
    places.PREDICTIONS,
    "evaluate",
    "a model's score of a clip of validation or test",
    (
        Column("model", "str", "the network"),
        Column("video", "str", "path below `data/raw`"),
        Column("start", "int64", "the clip's first frame in the store", "frames, the first is 0"),
        Column("split", "str", "`val` or `test`"),
        Column("label", "int64", "0 normal, 1 shoplifting"),
        Column("score", "float64", "probability of shoplifting", "0 to 1"),
    ),
)
