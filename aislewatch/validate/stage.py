"""Stage validate: catalog and label files -> annotations, videos, duplicates, a report by row."""

import logging
from collections.abc import Mapping
from itertools import chain

import pandas as pd

from aislewatch.config.data import Layout
from aislewatch.config.machine import one_a_core
from aislewatch.config.params import Params
from aislewatch.errors import LabelError
from aislewatch.frames.picture_times import read_picture_times
from aislewatch.frames.signatures import read_fingerprints
from aislewatch.frames.stretches import frame_times
from aislewatch.labels.checks import Limits
from aislewatch.labels.layouts import read_source
from aislewatch.labels.problems import (
    Problem,
    footage_notice,
    problem_table,
    quote,
    without_repeats,
)
from aislewatch.labels.protocol import Labels, Video
from aislewatch.labels.ucf_against_dcsass import disagreements
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.validate import ANNOTATIONS, DUPLICATES, VALIDATION, VIDEOS
from aislewatch.tracking.journal import Journal
from aislewatch.validate.annotations import assemble, source_videos
from aislewatch.validate.contradictions import contradictions, mark, settle
from aislewatch.validate.contradictions import problems as contradiction_problems
from aislewatch.validate.contradictions_page import write_page as write_contradictions
from aislewatch.validate.copies.find import find_copies
from aislewatch.validate.duplicates import pair_table
from aislewatch.validate.expectations import check
from aislewatch.validate.problems_page import write_page as write_problems
from aislewatch.validate.rules import annotations_suite, catalog_suite
from aislewatch.validate.scenes import find_scenes
from aislewatch.validate.videos import video_table

log = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Check everything, write the report, and only then decide."""
    catalog = CATALOG.read()
    limits = Limits(1 / params.frames.fps, params.validate_.min_event_s)
    videos = source_videos(catalog, read_picture_times())
    labels = read_labels(catalog, videos, params.sources, limits)
    annotations = assemble(videos, labels, limits.frame_s)
    suites = [
        catalog_suite(catalog, annotations, params.sources),
        annotations_suite(annotations, catalog, limits.frame_s, limits.min_event_s),
    ]
    read = [problem for own in labels.values() for problem in own.problems]
    read += disagreements(places.RAW, params.sources, videos)
    read += [
        footage_notice(video, notice)
        for video, notices in zip(catalog["video"], catalog["notices"], strict=True)
        for notice in notices.splitlines()
    ]
    failures = check(suites)
    problems = without_repeats(read, chain.from_iterable(failures.values()))
    asked = params.validate_
    fingerprints = read_fingerprints()
    times = frame_times(catalog)
    workers = one_a_core(params.machine.ingest_workers)
    pairs = pair_table(catalog, find_copies(fingerprints, workers), asked.duplicate_share, times)
    opposed = contradictions(pairs, annotations, times)
    problems += contradiction_problems(opposed, asked.contradictions)
    page = places.CONTRADICTIONS_PAGE
    write_contradictions(page, opposed, asked.contradictions, catalog, places.FRAMES, params.frames)
    VALIDATION.at(places.READABLE_VALIDATION).write(problem_table(problems))
    write_problems(places.DATA_DOCS, problems, suites, failures)
    _decide(problems)
    pairs = mark(pairs, opposed)
    annotations = settle(
        annotations[ANNOTATIONS.names], opposed, asked.contradictions, asked.min_event_s
    )
    ANNOTATIONS.write(annotations)
    VIDEOS.write(video_table(catalog, labels, find_scenes(fingerprints)))
    DUPLICATES.write(pairs)
    VALIDATION.write(problem_table(problems))
    journal.metrics(_counts(annotations, pairs, problems))
    for table in (ANNOTATIONS, VIDEOS, DUPLICATES, VALIDATION):
        journal.digest(table.path)


def read_labels(
    catalog: pd.DataFrame,
    videos: Mapping[str, Video],
    sources: Mapping[str, Layout],
    limits: Limits,
) -> dict[str, Labels]:
    """Read what the label files of every source say about its videos."""
    own: dict[str, dict[str, Video]] = {source: {} for source in sources}
    for video, source in zip(catalog["video"], catalog["source"], strict=True):
        own[source][video] = videos[video]
    return {
        source: read_source(places.RAW, source, layout, own[source], limits)
        for source, layout in sources.items()
    }


def _decide(problems: list[Problem]) -> None:
    errors = [problem for problem in problems if problem.level == "error"]
    warnings = [problem for problem in problems if problem.level == "warning"]
    if warnings:
        report = places.READABLE_VALIDATION
        log.warning("%d warning(s), all in %s:\n%s", len(warnings), report, quote(warnings))
    if errors:
        raise LabelError(
            f"{len(errors)} problem(s) in labels and catalog, all in {places.READABLE_VALIDATION} "
            f"and {places.DATA_DOCS}/index.html:\n{quote(errors)}"
        )


def _counts(
    annotations: pd.DataFrame, pairs: pd.DataFrame, problems: list[Problem]
) -> dict[str, float]:
    labels = annotations["label"].value_counts()
    return {
        **{f"intervals_{label}": int(count) for label, count in sorted(labels.items())},
        "duplicate_pairs": int(pairs["is_copy"].sum()),
        "contradictory_pairs": int(pairs["labels_conflict"].sum()),
        "warnings": len(problems),
    }
