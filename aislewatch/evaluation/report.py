"""One HTML file with everything in it: no script, no download, the same bytes each time.

Only the list of uses of the test split is outside: it grows, the report must not.
"""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from aislewatch.evaluation.selection import WHY
from aislewatch.evaluation.summary import Evaluation, as_json
from aislewatch.evaluation.table import COLUMNS, NAMES, PAPER, cell

INPUTS = {"rgb": "RGB", "diff": "frame differences"}


def write_report(
    evaluation: Evaluation,
    pictures: Mapping[str, Path],
    alert_rule: str,
    confidence: float,
    path: Path,
) -> None:
    """Write ``report.html``.

    Args:
        evaluation: all figures.
        pictures: PNG files by name (curves, confusion, learning, forest, mistakes); inlined.
        alert_rule: the smoothing in words.
        confidence: of the intervals.
        path: the file to write.
    """
    summary = as_json(evaluation)
    template = _environment().get_template("report.html.j2")
    page = template.render(
        summary=summary,
        models=[(name, summary["models"][name]) for name in NAMES if name in summary["models"]],
        chosen=summary["models"][evaluation.selected],
        names=NAMES,
        inputs=INPUTS,
        columns=COLUMNS,
        paper=PAPER,
        why=WHY,
        alert_rule=alert_rule,
        confidence=f"{confidence:.0%}",
        pictures={name: _inlined(file) for name, file in pictures.items()},
    )
    path.write_text(page, encoding="utf-8")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("aislewatch.evaluation", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "spread": _spread}
    environment.globals["cell"] = cell
    return environment


def _inlined(file: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode("ascii")


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _spread(values: Sequence[Any], digits: int = 3) -> str:
    low, high = values
    return "no interval" if low is None else f"{low:.{digits}f} to {high:.{digits}f}"
