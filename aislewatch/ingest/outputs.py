"""Makes the tables that ingest leaves beside the frames."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from aislewatch.frames.class_folders import camera_and_label
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import printable
from aislewatch.ingest.intake import Accepted, Refused
from aislewatch.tables.ingest import CATALOG, FINGERPRINTS, PICTURE_TIMES, QUARANTINE
from aislewatch.tables.table import Table

# Bytes of signatures, or of times, in a row group: 100 hours have 560 MB and 144 MB of them.
GROUP_BYTES = 1 << 26


def catalog_of(accepted: Sequence[Accepted], store_fps: int) -> pd.DataFrame:
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
                "store_fps": store_fps,
                "stretches": stored.stretches,
                "pictures": stored.pictures,
                "fps": stored.fps,
                "width": stored.width,
                "height": stored.height,
                "duration_s": stored.duration_s,
                "end_s": stored.end_s,
                "codec": stored.codec,
                "lost_s": stored.lost_s,
                "notices": "\n".join(stored.notices),
            }
        )
    return pd.DataFrame(rows).astype(CATALOG.dtypes).sort_values("video")


def fingerprint_groups(accepted: Sequence[Accepted], store: FrameStore) -> Iterator[pd.DataFrame]:
    """Yield the rows of ``FINGERPRINTS``, a part at a time."""

    def row(verdict: Accepted) -> tuple[str, bytes, int, int]:
        stored = verdict.stored
        signature = store.signature(stored.key).tobytes()
        return verdict.candidate.video, signature, stored.n_frames, store.fps

    return _groups(FINGERPRINTS, map(row, _sorted(accepted)))


def picture_time_groups(accepted: Sequence[Accepted], store: FrameStore) -> Iterator[pd.DataFrame]:
    """Yield the rows of ``PICTURE_TIMES``, a part at a time."""

    def row(verdict: Accepted) -> tuple[str, bytes]:
        bounds_ns = store.times(verdict.stored.key).bounds_ns
        return verdict.candidate.video, bounds_ns.astype("<i8").tobytes()

    return _groups(PICTURE_TIMES, map(row, _sorted(accepted)))


def _sorted(accepted: Sequence[Accepted]) -> list[Accepted]:
    return sorted(accepted, key=lambda verdict: verdict.candidate.video)


def _groups(
    table: Table, rows: Iterable[tuple[str, bytes, *tuple[int, ...]]]
) -> Iterator[pd.DataFrame]:
    """Yield rows, GROUP_BYTES of the second column or one row more at a time, so that never more
    than that is held at once; at least one group."""
    group: list[tuple[object, ...]] = []
    held = 0
    for row in rows:
        group.append(row)
        held += len(row[1])
        if held > GROUP_BYTES:
            yield table.frame(group)
            group, held = [], 0
    yield table.frame(group)


def quarantine_of(refused: Sequence[Refused]) -> pd.DataFrame:
    """Return the rows of ``QUARANTINE``."""
    rows = sorted(
        (printable(file.candidate.video), file.reason, file.detail, file.remedy) for file in refused
    )
    return QUARANTINE.frame(rows)
