"""Writes down every scoring of the test split, outside the files that DVC removes.

A test split that is looked at often enough is a validation split. The list lives beside the
hashed outputs, not in them: it holds times and grows, they must not.
"""

import csv
import time
from collections import Counter
from pathlib import Path

import jinja2

from aislewatch.files import whole_file
from aislewatch.tables import places

COLUMNS = ("time", "stage", "model", "split")

# Hex digits of a digest shown to people: 48 bits tell any two models of one project apart.
SHOWN_DIGITS = 12


def record_test_use(
    stage: str, model_digest: str, split_digest: str, reports: Path = places.REPORTS
) -> int:
    """Count one scoring of the test split by one model, before it happens.

    Appends to ``<reports>/test_uses.csv`` and renders ``<reports>/test_uses.html`` from it.

    Args:
        stage: who asks, for example ``"score"``.
        model_digest: sha256 of the model's folder.
        split_digest: sha256 of the split table.
        reports: the folder of reports.

    Returns:
        How many times this split has been used by now.
    """
    reports.mkdir(parents=True, exist_ok=True)
    path = reports / places.TEST_USES.name
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if file.tell() == 0:
            writer.writerow(COLUMNS)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        writer.writerow([stamp, stage, model_digest, split_digest])
    uses = read_test_uses(reports)
    with whole_file(reports / places.TEST_USES_PAGE.name) as temporary:
        temporary.write_text(_render(uses))
    return sum(use["split"] == split_digest for use in uses)


def read_test_uses(reports: Path = places.REPORTS) -> list[dict[str, str]]:
    """Read all recorded uses of the test split, oldest first; empty if there was none."""
    path = reports / places.TEST_USES.name
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _render(uses: list[dict[str, str]]) -> str:
    # Not by pages.py: a change there would score every network, and so use the test split, again.
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("aislewatch.score"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("test_uses.html.j2").render(
        uses=uses[::-1],
        counts=Counter(use["split"] for use in uses).most_common(),
        digits=SHOWN_DIGITS,
    )
