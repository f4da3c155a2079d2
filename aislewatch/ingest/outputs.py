"""Makes the tables that ingest leaves beside the frames: catalog, fingerprints, quarantine."""

from collections.abc import Iterator, Sequence

import pandas as pd

from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import camera_and_label, printable
from aislewatch.ingest.intake import Accepted, Refused
from aislewatch.tables.ingest import CATALOG, FINGERPRINTS, QUARANTINE

# Bytes of signatures in a row group of the table: those of 100 hours are 560 MB.
GROUP_BYTES = 1 << 26


def catalog_of(accepted: Sequence[Accepted]) -> pd.DataFrame:
    """Return the rows of ``CATALOG``."""
    rows = []
    for verdict in accepted:
        stored = verdict.stored
        camera, label = camera_and_label(verdict.candidate.video)
        rows.append(
            {
                "video": verdict.candidate.video,
                "source": verdict.candidate.source,
                "camera": camera,
                "label": label,
                "sha256": verdict.sha256,
                "frames_file": stored.frames_file,
                "n_frames": stored.n_frames,
                "fps": stored.fps,
                "width": stored.width,
                "height": stored.height,
                "duration_s": stored.duration_s,
                "codec": stored.codec,
                "lost_s": stored.lost_s,
                "notices": "\n".join(stored.notices),
            }
        )
    return pd.DataFrame(rows).astype(CATALOG.dtypes).sort_values("video")


def fingerprint_groups(accepted: Sequence[Accepted], store: FrameStore) -> Iterator[pd.DataFrame]:
    """Yield the rows of ``FINGERPRINTS``, GROUP_BYTES or one row more at a time, so that never
    more than that is held at once; at least one group."""
    rows: list[tuple[str, bytes, int, int]] = []
    held = 0
    for verdict in sorted(accepted, key=lambda verdict: verdict.candidate.video):
        signature = store.signature(verdict.stored.key).tobytes()
        rows.append((verdict.candidate.video, signature, verdict.stored.n_frames, store.fps))
        held += len(signature)
        if held > GROUP_BYTES:
            yield FINGERPRINTS.frame(rows)
            rows, held = [], 0
    yield FINGERPRINTS.frame(rows)


def quarantine_of(refused: Sequence[Refused]) -> pd.DataFrame:
    """Return the rows of ``QUARANTINE``."""
    rows = sorted(
        (printable(file.candidate.video), file.reason, file.detail, file.remedy) for file in refused
    )
    return QUARANTINE.frame(rows)
