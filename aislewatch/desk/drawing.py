"""Draws the desk's pages from their templates."""

from starlette.responses import HTMLResponse, Response

from aislewatch.clock import clock
from aislewatch.desk.evidence import told
from aislewatch.pages import templates

_TEMPLATES = templates("aislewatch.desk")
_TEMPLATES.filters["told"] = lambda at: told(at, "%Y-%m-%d %H:%M:%S")
_TEMPLATES.filters["iso"] = told
_TEMPLATES.filters["clock"] = clock


def draw(template: str, status: int = 200, **values: object) -> Response:
    """Draw a page; ``values`` are what its template names."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status)
