"""Draws the desk's pages from their templates."""

from starlette.responses import HTMLResponse, Response

from aislewatch.desk.evidence import told
from aislewatch.frames.clock import clock
from aislewatch.pages import templates

_TEMPLATES = templates("aislewatch.desk")
_TEMPLATES.filters["told"] = lambda at: told(at, "%Y-%m-%d %H:%M:%S")
_TEMPLATES.filters["iso"] = told
_TEMPLATES.filters["clock"] = clock

# Digits behind the point of a score, at least and at most.
FEWEST, MOST = 2, 9


def against(score: float, threshold: float) -> str:
    """Write a score and its threshold with as many digits as tell the two apart."""
    for digits in range(FEWEST, MOST + 1):
        written = f"{score:.{digits}f}", f"{threshold:.{digits}f}"
        if score == threshold or written[0] != written[1]:
            break
    return " of threshold ".join(written)


_TEMPLATES.filters["against"] = against


def draw(template: str, status: int = 200, **values: object) -> Response:
    """Draw a page; ``values`` are what its template names."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status)
