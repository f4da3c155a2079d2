"""How pictures look, and how they stay the same bytes from run to run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Dots an inch: sharp on a screen of twice the density at the report's width, and below 200 kB.
DPI = 130

# Of Okabe and Ito's colours, told apart by colour-blind people.
SCORE = "#0072B2"
SHOPLIFTING_COLOUR = "#D55E00"
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
