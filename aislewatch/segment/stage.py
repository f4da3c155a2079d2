"""Stage segment: labelled videos -> clips."""

import logging

from aislewatch.config.params import Params
from aislewatch.files import write_json
from aislewatch.segment.clips import LabelRule, Windows, segment
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.segment import CLIPS
from aislewatch.tables.validate import ANNOTATIONS
from aislewatch.tracking.journal import Journal

log = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Cut every labelled video and say what was left out."""
    asked = params.segment
    asked.refuse_short_clips()
    windows = Windows(asked.n_frames, asked.step, asked.stride, params.frames.fps)
    rule = LabelRule(asked.positive_overlap, asked.negative_overlap)
    done = segment(CATALOG.read(), ANNOTATIONS.read(), windows, rule)
    counts = done.counts()
    CLIPS.write(done.clips)
    write_json(places.SEGMENT_METRICS, counts)
    log.info(", ".join(f"{name} {count}" for name, count in counts.items()))
    for video in done.too_short:
        log.info("no clip from %s: shorter than a window of %g s", video, windows.duration_s)
    journal.metrics(counts)
    for output in (CLIPS.path, places.SEGMENT_METRICS):
        journal.digest(output)
