"""Stage ingest: raw footage to frames, catalog, fingerprints, times and quarantine table."""

import logging

from aislewatch.config.params import Params
from aislewatch.console import show_progress
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.folder import IngestResult, ingest
from aislewatch.ingest.outputs import (
    catalog_of,
    fingerprint_groups,
    picture_time_groups,
    quarantine_of,
)
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG, FINGERPRINTS, PICTURE_TIMES, QUARANTINE
from aislewatch.tracking.journal import Journal

log = logging.getLogger(__name__)

# Rows of the quarantine table that the log shows; the file has all.
ROWS_SHOWN = 20


def work(params: Params, journal: Journal) -> None:
    """Decode the footage and write the five outputs."""
    store = FrameStore(places.STORE, params.frames.fps, params.frames.size)
    with show_progress("files") as progress:
        workers, cluster = params.machine.ingest_workers, params.machine.cluster
        footage = ingest(
            *(places.RAW, list(params.sources), store, params.ingest, progress),
            *(workers, cluster),
        )
    stored = [video.stored for video in footage.accepted]
    store.publish(stored, places.FRAMES)
    CATALOG.write(catalog_of(footage.accepted, store.fps))
    FINGERPRINTS.write_groups(fingerprint_groups(footage.accepted, store))
    PICTURE_TIMES.write_groups(picture_time_groups(footage.accepted, store))
    QUARANTINE.write(quarantine_of(footage.refused))
    report(footage)
    journal.metrics(
        {
            "videos": len(footage.accepted),
            "quarantined": len(footage.refused),
            "decoded": footage.decoded,
            "frames": sum(video.n_frames for video in stored),
            "footage_s": sum(video.duration_s for video in stored),
        }
    )
    journal.digest(places.FRAMES, store.digest(stored))
    for table in (CATALOG, FINGERPRINTS, PICTURE_TIMES, QUARANTINE):
        journal.digest(table.path)


def report(footage: IngestResult) -> None:
    """Say what came in and what did not."""
    log.info(
        "%d videos accepted (%d newly decoded), %d files quarantined",
        *(len(footage.accepted), footage.decoded, len(footage.refused)),
    )
    for file in footage.refused[:ROWS_SHOWN]:
        log.info("  %s: %s (%s) -> %s", file.candidate.video, file.reason, file.detail, file.remedy)
    if len(footage.refused) > ROWS_SHOWN:
        log.info("  and %d more in %s", len(footage.refused) - ROWS_SHOWN, QUARANTINE.path)
    told = [(video, notice) for video in footage.accepted for notice in video.stored.notices]
    for video, notice in told[:ROWS_SHOWN]:
        log.warning("  %s: %s", video.candidate.video, notice)
    if len(told) > ROWS_SHOWN:
        log.warning("  and %d more in column notices of %s", len(told) - ROWS_SHOWN, CATALOG.path)
