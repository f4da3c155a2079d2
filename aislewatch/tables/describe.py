"""Describes every table for docs/data.md.

python -m aislewatch.tables.describe      writes the file's part between the two marks anew
"""

from collections.abc import Iterable
from pathlib import Path

from aislewatch.files import whole_file
from aislewatch.tables.evaluate import PREDICTIONS
from aislewatch.tables.ingest import CATALOG, FINGERPRINTS, PICTURE_TIMES, QUARANTINE
from aislewatch.tables.people import TRACKED, TRACKS
from aislewatch.tables.score import scores_of
from aislewatch.tables.segment import CLIPS
from aislewatch.tables.split import ASSIGNMENTS, BRIDGES, SPLITS
from aislewatch.tables.table import Column, Table
from aislewatch.tables.train import curve_of
from aislewatch.tables.validate import ANNOTATIONS, DUPLICATES, VALIDATION, VIDEOS

DOCUMENT = Path("docs/data.md")
BEGIN, END = (
    f"<!-- {word} of what `python -m aislewatch.tables.describe` writes -->"
    for word in ("begin", "end")
)

# In the pipeline's order.
TABLES = (
    *(CATALOG, FINGERPRINTS, PICTURE_TIMES, QUARANTINE),
    *(TRACKS, TRACKED),
    *(ANNOTATIONS, VIDEOS, DUPLICATES, VALIDATION),
    *(CLIPS, ASSIGNMENTS, SPLITS, BRIDGES),
    *(curve_of("<model>"), scores_of("<model>"), PREDICTIONS),
)


def main() -> None:
    """Bring docs/data.md up to date."""
    text = DOCUMENT.read_text()
    with whole_file(DOCUMENT) as temporary:
        temporary.write_text(filled(text))


def filled(document: str) -> str:
    """Return the document with its part between the marks as the tables are declared."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{as_markdown(TABLES)}\n{END}{after}"


def as_markdown(tables: Iterable[Table]) -> str:
    """Return a section a table: what a row is, and a line a column."""
    return "\n".join(map(_section, tables))


def _section(table: Table) -> str:
    lines = [
        f"#### `{table.path}`",
        "",
        f"{'By ' + table.stage if table.stage else 'Yours'}. A row is {table.row}.",
        "",
        "| column | type | unit | meaning |",
        "|---|---|---|---|",
        *map(_line, table.columns),
    ]
    if table.further:
        further = "further columns of label tables and `videos.csv`, by name"
        lines.append(f"| … | {table.further} | | {further} |")
    return "\n".join([*lines, ""])


def _line(column: Column) -> str:
    kind = "bytes" if column.dtype == "object" else column.dtype
    return f"| `{column.name}` | {kind} | {column.unit} | {column.meaning} |"


if __name__ == "__main__":
    main()
