"""Stage validate: catalog and label files -> annotations, duplicates, a row-level report."""

import logging
from pathlib import Path

import pandas as pd

from aislewatch.annotations import COLUMNS, assemble, source_videos, video_labels
from aislewatch.config import Params
from aislewatch.duplicates import contradictions, pair_table
from aislewatch.errors import LabelError
from aislewatch.expectations import check
from aislewatch.files import whole_file
from aislewatch.footage.fingerprint import find_duplicates
from aislewatch.footage.tables import read_fingerprints
from aislewatch.rules import annotations_suite, catalog_suite
from aislewatch.sources.checks import Limits, check_labels
from aislewatch.sources.folder import LabelRow, read_events
from aislewatch.sources.problems import (
    RAW,
    Problem,
    problem_table,
    quote,
    without_repeats,
)
from aislewatch.tracking.journal import Journal
from stages.runner import run_stage

CATALOG = Path("data/catalog.parquet")
FINGERPRINTS = Path("data/fingerprints.parquet")
QUARANTINE = Path("data/quarantine.csv")
ANNOTATIONS = Path("data/annotations.parquet")
DUPLICATES = Path("data/duplicates.csv")
REPORT = Path("data/validation.csv")
# Not an output of DVC: it must be there to be read when the stage fails.
READABLE_REPORT = Path("reports/validation.csv")
DOCS = Path("reports/data_docs")

log = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Check everything, write the report, and only then decide."""
    catalog = pd.read_parquet(CATALOG)
    limits = Limits(1 / params.frames.fps, params.validate_.min_event_s)
    rows, problems = read_labels(catalog, params.sources, limits)
    annotations = assemble(catalog, rows, limits.frame_s)
    suites = [
        catalog_suite(catalog, annotations, params.sources),
        annotations_suite(annotations, catalog, limits.frame_s, limits.min_event_s),
    ]
    problems = without_repeats(problems + check(suites, DOCS))
    near = find_duplicates(read_fingerprints(FINGERPRINTS), params.validate_.duplicate_share)
    pairs = pair_table(catalog, near, video_labels(annotations))
    problems += contradictions(pairs)
    _write_csv(problem_table(problems), READABLE_REPORT)
    _decide(problems)
    with whole_file(ANNOTATIONS) as temporary:
        annotations[COLUMNS].to_parquet(temporary, index=False)
    _write_csv(pairs, DUPLICATES)
    _write_csv(problem_table(problems), REPORT)
    journal.metrics(_counts(annotations, pairs, problems))
    for output in (ANNOTATIONS, DUPLICATES, REPORT):
        journal.digest(output)


def read_labels(
    catalog: pd.DataFrame, sources: list[str], limits: Limits
) -> tuple[dict[str, list[LabelRow]], list[Problem]]:
    """The rows of every source's events.csv and what is wrong with them.

    Rows of quarantined videos are reported and left out.
    """
    quarantined = set(pd.read_csv(QUARANTINE)["video"])
    rows: dict[str, list[LabelRow]] = {}
    problems: list[Problem] = []
    for source in sources:
        labels = read_events(Path(RAW), source)
        if labels is None:
            continue
        problems += labels.problems
        if labels.problems and not labels.rows:
            # Nothing could be read: to miss every video's row as well would bury the reason.
            continue
        videos = source_videos(catalog, source)
        problems += check_labels(labels.rows, videos, quarantined, limits)
        rows[source] = [row for row in labels.rows if row.video not in quarantined]
    return rows, problems


def _decide(problems: list[Problem]) -> None:
    errors = [problem for problem in problems if problem.level == "error"]
    warnings = [problem for problem in problems if problem.level == "warning"]
    if warnings:
        log.warning(
            "%d warning(s), all in %s:\n%s", len(warnings), READABLE_REPORT, quote(warnings)
        )
    if errors:
        raise LabelError(
            f"{len(errors)} problem(s) in labels and catalog, all in {READABLE_REPORT} and "
            f"{DOCS}/index.html:\n{quote(errors)}"
        )


def _counts(
    annotations: pd.DataFrame, pairs: pd.DataFrame, problems: list[Problem]
) -> dict[str, float]:
    labels = annotations["label"].value_counts()
    return {
        **{f"intervals_{label}": int(count) for label, count in sorted(labels.items())},
        "duplicate_pairs": len(pairs),
        "contradictory_pairs": int(pairs["labels_conflict"].sum()),
        "warnings": len(problems),
    }


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def main() -> None:
    """Entry point of the DVC stage."""
    run_stage("validate", ["sources", "frames", "validate"], work)


if __name__ == "__main__":
    main()
