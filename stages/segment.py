"""Stage segment: labelled videos -> clips."""

import logging
from pathlib import Path

import pandas as pd

from aislewatch.config.params import Params
from aislewatch.files import whole_file, write_json
from aislewatch.segment.clips import LabelRule, Windows, segment
from aislewatch.tracking.journal import Journal
from stages.runner import run_stage

CATALOG = Path("data/catalog.parquet")
ANNOTATIONS = Path("data/annotations.parquet")
CLIPS = Path("data/clips.parquet")
METRICS = Path("metrics/segment.json")

log = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Cut every labelled video and say what was left out."""
    asked = params.segment
    asked.refuse_short_clips()
    windows = Windows(asked.n_frames, asked.step, asked.stride, params.frames.fps)
    rule = LabelRule(asked.positive_overlap, asked.negative_overlap)
    done = segment(pd.read_parquet(CATALOG), pd.read_parquet(ANNOTATIONS), windows, rule)
    counts = done.counts()
    with whole_file(CLIPS) as temporary:
        done.clips.to_parquet(temporary, index=False)
    write_json(METRICS, counts)
    log.info(", ".join(f"{name} {count}" for name, count in counts.items()))
    for video in done.too_short:
        log.info("no clip from %s: shorter than a window of %g s", video, windows.duration_s)
    journal.metrics(counts)
    for output in (CLIPS, METRICS):
        journal.digest(output)


def main() -> None:
    """Entry point of the DVC stage."""
    run_stage("segment", ["frames", "segment"], work)


if __name__ == "__main__":
    main()
