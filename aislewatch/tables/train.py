"""The table of the train stage: how a network learned."""

from aislewatch.tables import places
from aislewatch.tables.table import Column, Table


def curve_of(model: str) -> Table:
    """Return the table of one network's learning curve."""
    return Table(
        places.curve(model),
        "train",
        "an epoch, in order",
        (
            Column("epoch", "int64", "its number", "epochs, the first is 1"),
            Column("train_loss", "float64", "mean, with augmentation and dropout"),
            Column("val_loss", "float64", "on the validation clips"),
            Column("val_auc", "float64", "on the validation clips", "0 to 1"),
            Column("val_accuracy", "float64", "on them, at a score of 0.5", "0 to 1"),
        ),
    )
