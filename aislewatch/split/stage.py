"""Stage split: clips -> train, val and test, by groups of videos that belong together."""

import logging
from typing import Any

import pandas as pd

from aislewatch.config.params import Params
from aislewatch.files import whole_file, write_json
from aislewatch.segment.clips import Windows
from aislewatch.split.assignment import QUANTITIES, SIDES
from aislewatch.split.divide import Targets, split
from aislewatch.split.groups import QUOTED, bridge_table, find_ties, group_videos
from aislewatch.split.leaks import find_leaks, leak_report, refuse_leaks
from aislewatch.split.memory import fixed_sides, read_assignments
from aislewatch.split.page import Store, write_page
from aislewatch.split.reference import Gap, reference_gap
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.segment import CLIPS
from aislewatch.tables.split import BRIDGES, SPLITS
from aislewatch.tables.validate import DUPLICATES, VIDEOS
from aislewatch.tracking.journal import Journal, flatten

log = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Group, assign, look for leaks, and state what was achieved."""
    asked = params.split
    videos, duplicates = read_videos(), DUPLICATES.read()
    fixed = fixed_sides(videos, read_assignments(), asked.follow_official, asked.train_only)
    ties = find_ties(videos, duplicates, asked.recording_suffix, asked.keep_together)
    grouping = group_videos(fixed, ties)
    targets = Targets(asked.train, asked.val, asked.test, asked.tolerance_points)
    division = split(CLIPS.read(), grouping, targets)
    splits = division.splits
    leaks = find_leaks(splits, videos, duplicates, asked.recording_suffix, asked.keep_together)
    refuse_leaks(splits, leaks)
    report = leak_report(division, videos, duplicates, grouping, leaks)
    bridges = bridge_table(grouping, fixed, ties, splits)
    metrics = summary(report)
    SPLITS.write(splits)
    BRIDGES.write(bridges)
    write_json(places.LEAK_REPORT, report)
    write_json(places.SPLIT_METRICS, metrics)
    gap = _reference_gap(params, splits)
    store = Store(places.FRAMES, params.frames.fps, params.frames.size)
    with whole_file(places.SPLIT_PAGE) as temporary:
        write_page(temporary, report, splits, videos, duplicates, bridges, gap, store)
    _say(report, bridges, gap)
    new = sum(not fixed[video].remembered for video in set(splits["video"]))
    if new:
        log.info("%d video(s) may still move; `aislewatch split accept` keeps them there", new)
    journal.metrics(flatten(metrics))
    for output in (SPLITS.path, BRIDGES.path, places.LEAK_REPORT, places.SPLIT_METRICS):
        journal.digest(output)


def _reference_gap(params: Params, splits: pd.DataFrame) -> Gap | None:
    cut = params.segment
    windows = Windows(cut.n_frames, cut.step, cut.stride, params.frames.fps)
    shares = (params.split.train, params.split.test)
    return reference_gap(splits, places.FRAMES, params.frames.size, windows.span, shares)


def read_videos() -> pd.DataFrame:
    """Read what is known of each video, with its digest and where its frames are."""
    catalog = CATALOG.read(["video", "sha256", "frames_file", "n_frames", "stretches", "store_fps"])
    # A label table may have columns of these names; they are none of ours.
    known = VIDEOS.read().drop(columns=catalog.columns[1:], errors="ignore")
    return known.merge(catalog, on="video", validate="one_to_one")


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """Return the report's numbers without names and lists: what ``dvc metrics`` compares."""
    largest = {k: v for k, v in report["largest_group"].items() if k != "name"}
    counted = {name: len(report[name]) for name in ("contradictory_pairs", "nearest_across_sides")}
    return report | {"largest_group": largest} | counted


def _say(report: dict[str, Any], bridges: pd.DataFrame, gap: Gap | None) -> None:
    for side in SIDES:
        shares = report["achieved"][side]
        words = ", ".join(
            f"{shares[q]['count']} {q} ({shares[q]['share']:.1%})" for q in QUANTITIES
        )
        log.info("%s: %s in %d groups", side, words, shares["groups"]["count"])
    log.info("worst deviation %.2f points; nothing on two sides", report["worst_deviation_points"])
    if gap is not None:
        log.info(
            "a reference model scores %.0f %% on clips drawn at random, %.0f %% on groups; see %s",
            100 * gap.clips_at_random.accuracy,
            100 * gap.groups_at_random.accuracy,
            places.SPLIT_PAGE,
        )
    for video, because in bridges.head(QUOTED).itertuples(index=False):
        log.warning("left out, because it would tie two sides: %s: %s", video, because)
    if len(bridges) > QUOTED:
        log.warning("%d videos are left out, all in %s", len(bridges), BRIDGES.path)
