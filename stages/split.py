"""Stage split: clips -> train, val and test, by groups of videos that belong together."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from aislewatch.assignment import QUANTITIES, SIDES
from aislewatch.config import Params
from aislewatch.duplicates import read_pairs
from aislewatch.files import whole_file, write_json
from aislewatch.groups import group_videos, link_videos
from aislewatch.leaks import find_leaks, leak_report, refuse_leaks
from aislewatch.split import Targets, split
from aislewatch.tracking.journal import Journal, flatten
from stages.runner import run_stage

CATALOG = Path("data/catalog.parquet")
CLIPS = Path("data/clips.parquet")
DUPLICATES = Path("data/duplicates.csv")
SPLITS = Path("data/splits.parquet")
REPORT = Path("data/leak_report.json")
METRICS = Path("metrics/split.json")

log = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Group, assign, look for leaks, and state what was achieved."""
    asked = params.split
    catalog, clips = pd.read_parquet(CATALOG), pd.read_parquet(CLIPS)
    duplicates = read_pairs(DUPLICATES)
    targets = Targets(asked.train, asked.val, asked.test)
    links = link_videos(catalog, duplicates, asked.recording_suffix)
    groups = group_videos(catalog, links)
    splits = split(clips, groups, targets, asked.seed)
    leaks = find_leaks(splits, catalog, duplicates, asked.recording_suffix)
    refuse_leaks(splits, leaks)
    report = leak_report(splits, catalog, duplicates, groups, links, leaks, targets)
    with whole_file(SPLITS) as temporary:
        splits.to_parquet(temporary, index=False)
    write_json(REPORT, report)
    metrics = summary(report)
    write_json(METRICS, metrics)
    _say(report)
    journal.metrics(flatten(metrics))
    for output in (SPLITS, REPORT, METRICS):
        journal.digest(output)


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """The report's numbers, names and lists left out: what ``dvc metrics`` compares."""
    largest = {k: v for k, v in report["largest_group"].items() if k != "name"}
    conflicts = len(report["contradictory_pairs"])
    return report | {"largest_group": largest, "contradictory_pairs": conflicts}


def _say(report: dict[str, Any]) -> None:
    for side in SIDES:
        shares = report["achieved"][side]
        words = ", ".join(
            f"{shares[q]['count']} {q} ({shares[q]['share']:.1%})" for q in QUANTITIES
        )
        log.info("%s: %s in %d groups", side, words, shares["groups"]["count"])
    log.info("worst deviation %.2f points; nothing on two sides", report["worst_deviation_points"])


def main() -> None:
    """Entry point of the DVC stage."""
    run_stage("split", ["split"], work)


if __name__ == "__main__":
    main()
