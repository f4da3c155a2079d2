"""Draws the page of what is wrong with labels and footage, and of every rule that was checked.

One HTML file with everything in it. It is no output of DVC: it must be there when the stage fails.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aislewatch.files import whole_folder
from aislewatch.labels.problems import Problem, problem_table
from aislewatch.pages import templates
from aislewatch.tables import places
from aislewatch.validate.rules import Suite

# Problems shown, about 0.4 kB each: a page of 2 MB opens at once. The report by row has them all.
MOST_SHOWN = 5000


def write_page(
    folder: Path,
    problems: Sequence[Problem],
    suites: Sequence[Suite],
    failures: Mapping[str, Sequence[Problem]],
) -> None:
    """Write ``index.html``, also where nothing is wrong, and replace what the folder held.

    Args:
        folder: the folder of the page.
        problems: all of them, in any order.
        suites: the rules of each table.
        failures: by a suite's name, what ``expectations.check`` returned.
    """
    table = problem_table(problems)
    page = (
        templates("aislewatch.validate")
        .get_template("problems.html.j2")
        .render(
            problems=table.head(MOST_SHOWN).astype(object).to_dict("records"),
            total=len(table),
            errors=int((table["level"] == "error").sum()),
            tables=[_checked(suite, failures[suite.name]) for suite in suites],
            report=places.READABLE_VALIDATION.as_posix(),
            contradictions=places.CONTRADICTIONS_PAGE.relative_to(places.REPORTS).as_posix(),
        )
    )
    with whole_folder(folder) as made:
        (made / "index.html").write_text(page, encoding="utf-8")


def _checked(suite: Suite, failures: Sequence[Problem]) -> dict[str, object]:
    """Count, for every rule of a table, the problems that it raised."""
    counts = [sum(problem.rule == rule.name for problem in failures) for rule in suite.rules]
    return {
        "file": suite.file,
        "rows": len(suite.table),
        "failed": sum(count > 0 for count in counts),
        "rules": list(zip(suite.rules, counts, strict=True)),
    }
