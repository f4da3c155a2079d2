"""One HTML file with everything in it: no script, no download, the same bytes each time.

Only the list of uses of the test split is outside: it grows, the report must not.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aislewatch.alerts.rule import AlertRule, rule_in_words
from aislewatch.cards.rendering import COLUMNS, INPUTS, environment
from aislewatch.frames.clock import clock
from aislewatch.models.rows import BY_NAME, in_order
from aislewatch.pages import as_html
from aislewatch.report.mistakes import Mistake
from aislewatch.report.model_table import cell, share_cell

# Pictures of the study, as the tune stage draws them, in the order of the page.
STUDY_PICTURES = ("history", "importance", "slice", "parallel")


@dataclass(frozen=True)
class Study:
    """What the tune stage left: its best settings, and the folder of its pictures."""

    best: Mapping[str, float | str]
    pictures: Path


def write_report(
    summary: Mapping[str, Any],
    confidence: float,
    pictures: Mapping[str, Path],
    study: Study,
    loops: Sequence[tuple[Mistake, Path]],
    cards: Mapping[str, str],
    path: Path,
) -> None:
    """Write ``report.html``.

    Args:
        summary: ``metrics/evaluate.json``.
        confidence: of its intervals.
        pictures: PNG files by name (curves, confusion, learning, forest, reliability, timelines).
        study: what tuning found.
        loops: mistakes of the chosen model and the films of them, worst first.
        cards: Markdown by title.
        path: the file to write.
    """
    template = environment("aislewatch.report").get_template("report.html.j2")
    chosen = summary["models"][summary["selected"]]
    page = template.render(
        summary=summary,
        models=in_order(summary["models"]),
        chosen=chosen,
        title=BY_NAME[summary["selected"]].title,
        inputs=INPUTS,
        columns=COLUMNS,
        cell=cell,
        share_cell=share_cell,
        alert_rule=rule_in_words(rule_of(summary)),
        confidence=f"{confidence:.0%}",
        pictures={name: _inlined(file) for name, file in pictures.items()},
        best={k: v for k, v in study.best.items() if k not in ("study", "trial", "val_loss")},
        study=study.best,
        study_pictures={n: _inlined(study.pictures / f"{n}.png") for n in STUDY_PICTURES},
        loops=[(mistake, clock(mistake.start_s), _inlined(file)) for mistake, file in loops],
        cards={title: as_html(text, below=2) for title, text in cards.items()},
    )
    path.write_text(page, encoding="utf-8")


def rule_of(summary: Mapping[str, Any]) -> AlertRule:
    """Return the alert rule of the chosen model."""
    return AlertRule.model_validate(summary["models"][summary["selected"]]["operating"]["rule"])


def _inlined(file: Path) -> str:
    kind = file.suffix.removeprefix(".")
    return f"data:image/{kind};base64," + base64.b64encode(file.read_bytes()).decode("ascii")
