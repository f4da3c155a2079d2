"""Stage ingest: raw footage to data/frames, catalog, fingerprints and quarantine table."""

import logging
from pathlib import Path

from aislewatch.config.params import Params
from aislewatch.console import show_progress
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.folder import Footage, ingest
from aislewatch.ingest.tables import write_catalog, write_fingerprints, write_quarantine
from aislewatch.tracking.journal import Journal
from stages.runner import run_stage

log = logging.getLogger(__name__)

RAW = Path("data/raw")
STORE = Path(".aislewatch/store")
FRAMES = Path("data/frames")
CATALOG = Path("data/catalog.parquet")
FINGERPRINTS = Path("data/fingerprints.parquet")
QUARANTINE = Path("data/quarantine.csv")

# Rows of the quarantine table that the log shows; the file has all.
ROWS_SHOWN = 20


def main() -> None:
    """Run the stage."""
    run_stage("ingest", ["sources", "frames", "ingest"], work)


def work(params: Params, journal: Journal) -> None:
    """Decode the footage and write the four outputs."""
    store = FrameStore(STORE, params.frames.fps, params.frames.size)
    with show_progress("files") as progress:
        workers = params.machine.ingest_workers
        footage = ingest(RAW, list(params.sources), store, params.ingest, progress, workers)
    store.publish([video.stored for video in footage.accepted], FRAMES)
    write_catalog(CATALOG, footage.accepted)
    write_fingerprints(FINGERPRINTS, footage.accepted, store)
    write_quarantine(QUARANTINE, footage.refused)
    report(footage)
    journal.metrics(
        {
            "videos": len(footage.accepted),
            "quarantined": len(footage.refused),
            "decoded": footage.decoded,
            "frames": sum(video.stored.n_frames for video in footage.accepted),
            "footage_s": sum(video.stored.duration_s for video in footage.accepted),
        }
    )
    for output in (FRAMES, CATALOG, FINGERPRINTS, QUARANTINE):
        journal.digest(output)


def report(footage: Footage) -> None:
    """Say what came in and what did not."""
    log.info(
        "%d videos accepted (%d newly decoded), %d files quarantined",
        *(len(footage.accepted), footage.decoded, len(footage.refused)),
    )
    for file in footage.refused[:ROWS_SHOWN]:
        log.info("  %s: %s (%s)", file.candidate.video, file.reason, file.detail)
    if len(footage.refused) > ROWS_SHOWN:
        log.info("  and %d more in %s", len(footage.refused) - ROWS_SHOWN, QUARANTINE)


if __name__ == "__main__":
    main()
