"""How pictures look, and how they stay the same bytes from run to run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Dots an inch: sharp on a screen of twice the density at the report's width, and below 200 kB.
DPI = 130

# Okabe and Ito's colours, told apart by colour-blind people; lines also differ by their dashes,
# so that a grey print stays readable.
LINES: Mapping[str, tuple[str, Any]] = {
    "cnn": ("#E69F00", (0, (1, 1))),
    "lstm": ("#CC79A7", (0, (4, 1, 1, 1))),
    "cnn_lstm": ("#009E73", (0, (5, 2))),
    "convlstm": ("#0072B2", "solid"),
    "convlstm_paper": ("#000000", (0, (2, 1))),
}
SHOPLIFTING = "#D55E00"
EVENT = "#000000"
NEUTRAL = "#595959"

_SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
}


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of the given size in inches; on success it is saved to ``path``.

    A user's matplotlibrc is ignored and no software, version or date is stored.
    """
    with style.context(["default", _SETTINGS]):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
