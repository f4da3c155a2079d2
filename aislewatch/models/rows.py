"""Table 2 of the paper, a row a line: networks, their settings, the paper's figures, their look.

A new row is a line here and a name under ``models`` in dvc.yaml; a new network is a module beside
this one as well. A network is named, not imported: torch takes 1.7 s of CPU to load (2 cores,
2026-11-30), and who draws the table has no use for it.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")


class NetworkClass(Protocol):
    """A network's class: it takes ``in_channels`` and what it names of ``models.sizes.Network``."""

    architecture: str  # its name in config.json

    def __call__(self, *args: Any, **sizes: Any) -> "nn.Module": ...


class Settings(NamedTuple):
    """What a row does not take from params.yaml (``input``) and the tune stage (``optimizer``)."""

    input: Literal["rgb", "diff"] | None
    optimizer: Literal["paper"] | None  # the paper's Adam; never goes on from other weights


class Figures(NamedTuple):
    """What the paper's Table 2 prints, per cent."""

    accuracy: int
    precision: int
    recall: int
    f1: int


@dataclass(frozen=True)
class Row:
    """One trained network of the table."""

    name: str  # of its stages and of its folder in models/
    title: str  # for people
    network: str  # its module in this folder, and its class there
    settings: Settings
    paper: Figures | None  # None: not in the paper
    colour: str
    dashes: tuple[int, ...]  # points drawn and left out by turns; none: a solid line

    def network_class(self) -> NetworkClass:
        """Import the network's class."""
        found: NetworkClass = pkgutil.resolve_name(f"{__package__}.{self.network}")
        return found


AS_TUNED = Settings(None, None)
AS_PRINTED = Settings("rgb", "paper")

# The paper's order. Okabe and Ito's colours, told apart by colour-blind people; lines also differ by
# their dashes, so that a grey print stays readable.
# fmt: off
ROWS = (
    Row("cnn",            "CNN-only",                    "baselines:CNNNet",      AS_TUNED,   Figures(82, 80, 78, 79), "#E69F00", (1, 1)),
    Row("lstm",           "LSTM-only",                   "baselines:LSTMNet",     AS_TUNED,   Figures(79, 77, 75, 76), "#CC79A7", (4, 1, 1, 1)),
    Row("cnn_lstm",       "CNN+LSTM",                    "baselines:CNNLSTMNet",  AS_TUNED,   Figures(86, 84, 85, 84), "#009E73", (5, 2)),
    Row("convlstm",       "ConvLSTM",                    "convlstm:ConvLSTMNet",  AS_TUNED,   Figures(92, 90, 91, 91), "#0072B2", ()),
    # The paper has one ConvLSTM; both of ours stand beside it.
    Row("convlstm_paper", "ConvLSTM (paper's settings)", "convlstm:ConvLSTMNet",  AS_PRINTED, Figures(92, 90, 91, 91), "#000000", (2, 1)),
)
# fmt: on

BY_NAME = {row.name: row for row in ROWS}


def in_order(models: Mapping[str, T]) -> list[tuple[Row, T]]:
    """Return the rows that ``models`` has, with what it has of each, in the table's order."""
    return [(row, models[row.name]) for row in ROWS if row.name in models]
