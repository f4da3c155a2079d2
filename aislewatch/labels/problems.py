"""Reports what is wrong with labels or footage: one row a problem, with place and remedy."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

import pandas as pd

from aislewatch.tables import places
from aislewatch.tables.validate import VALIDATION

Level = Literal["error", "warning"]

# Rows quoted in an error message: a screenful; the report holds the rest.
QUOTED_ROWS = 20

# Names quoted in one problem: enough to see what they have in common.
QUOTED_NAMES = 5


@dataclass(frozen=True)
class Problem:
    """Tells a person one thing to look at.

    Args:
        file: the file to open, relative to the project's root.
        row: line in that file as an editor counts it (the header is line 1); None = the whole file.
        video: the video concerned, relative to ``data/raw``; "" where none is.
        level: an ``error`` stops the pipeline, a ``warning`` does not.
        rule: short name of the rule that was broken.
        problem: what was seen.
        remedy: what to do about it.
    """

    file: str
    row: int | None
    video: str
    level: Level
    rule: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file} line {self.row}"
        subject = f" [{self.video}]" if self.video and self.video not in self.file else ""
        return f"{place}{subject}: {self.problem} -> {self.remedy}"


def footage_problem(
    video: str, rule: str, problem: str, remedy: str, level: Level = "error"
) -> Problem:
    """Report a fault of a video itself, which stands in no row of a label file."""
    return Problem(f"{places.RAW}/{video}", None, video, level, rule, problem, remedy)


def footage_notice(video: str, notice: str) -> Problem:
    """Return the warning that a notice of ingest about a video is: ``what was seen -> remedy``."""
    seen, _, remedy = notice.partition(" -> ")
    return footage_problem(video, "footage", seen, remedy, "warning")


def problem_table(problems: Iterable[Problem]) -> pd.DataFrame:
    """Make the report by row: errors first, then by place and rule; it always has a header."""
    table = VALIDATION.frame(map(astuple, problems))
    order = ["level", "file", "row", "video", "rule", "problem"]
    return table.sort_values(order, na_position="first", ignore_index=True)


def without_repeats(first: Sequence[Problem], again: Iterable[Problem]) -> list[Problem]:
    """Join two lists, without those of the second whose place and rule the first has."""
    told = {(problem.file, problem.row, problem.video, problem.rule) for problem in first}
    new = (p for p in again if (p.file, p.row, p.video, p.rule) not in told)
    return [*first, *new]


def some(names: Sequence[str]) -> str:
    """List the first of many names, for a message, and how many more there are."""
    listed = ", ".join(names[:QUOTED_NAMES])
    more = len(names) - QUOTED_NAMES
    return f"{listed} and {more} more" if more > 0 else listed


def quote(problems: Sequence[Problem]) -> str:
    """List the first problems, one a line, and how many more there are."""
    lines = [f"  {problem}" for problem in problems[:QUOTED_ROWS]]
    if len(problems) > QUOTED_ROWS:
        lines.append(f"  ... and {len(problems) - QUOTED_ROWS} more")
    return "\n".join(lines)
