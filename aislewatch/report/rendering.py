"""Figures and intervals as report and cards write them."""

from collections.abc import Sequence
from typing import Any

import jinja2

from aislewatch.pages import templates
from aislewatch.report.table import cell


def environment() -> jinja2.Environment:
    """Templates of this package, with our filters for figures and intervals."""
    made = templates("aislewatch.report")
    made.filters |= {"figure": _figure, "spread": _spread}
    made.globals["cell"] = cell
    return made


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _spread(values: Sequence[Any], digits: int = 3) -> str:
    low, high = values
    return "no interval" if low is None else f"{low:.{digits}f} to {high:.{digits}f}"
