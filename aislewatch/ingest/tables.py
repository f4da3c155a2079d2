"""What ingest writes beside the frames: catalog, fingerprints and quarantine table."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aislewatch.files import whole_file
from aislewatch.frames.fingerprint import Fingerprint, fingerprint_of
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import camera_and_label, printable
from aislewatch.ingest.intake import Accepted, Refused

# Bytes of signatures in a row group of the table: those of 100 hours are 560 MB.
GROUP_BYTES = 1 << 26

_FINGERPRINTS = pa.schema(
    [
        ("video", pa.string()),
        ("signature", pa.binary()),
        ("n_frames", pa.int64()),
        ("fps", pa.int64()),
    ]
)

QUARANTINE_HEADER = ["video", "reason", "detail"]


def write_catalog(path: Path, accepted: Sequence[Accepted]) -> None:
    """A row an accepted video, sorted by video."""
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
            }
        )
    _write_table(path, pd.DataFrame(rows))


def write_fingerprints(path: Path, accepted: Sequence[Accepted], store: FrameStore) -> None:
    """A row an accepted video, sorted by video: its signature, frames and frames a second.

    Never more than GROUP_BYTES and one signature are held at once.
    """
    with (
        whole_file(path) as temporary,
        pq.ParquetWriter(temporary, _FINGERPRINTS, use_dictionary=False) as writer,
    ):
        for group in _groups(accepted, store):
            writer.write_table(pa.Table.from_pylist(group, schema=_FINGERPRINTS))


def _groups(
    accepted: Sequence[Accepted], store: FrameStore
) -> Iterator[list[dict[str, str | bytes | int]]]:
    """Rows of the fingerprints, GROUP_BYTES or one row more at a time; at least one group."""
    rows: list[dict[str, str | bytes | int]] = []
    held = 0
    for verdict in sorted(accepted, key=lambda verdict: verdict.candidate.video):
        signature = store.signature(verdict.stored.key).tobytes()
        rows.append(
            {
                "video": verdict.candidate.video,
                "signature": signature,
                "n_frames": verdict.stored.n_frames,
                "fps": store.fps,
            }
        )
        held += len(signature)
        if held > GROUP_BYTES:
            yield rows
            rows, held = [], 0
    yield rows


def read_fingerprints(path: Path) -> dict[str, Fingerprint]:
    """The fingerprints that ``write_fingerprints`` wrote, by video."""
    with pq.ParquetFile(path) as table:
        return {
            row["video"]: fingerprint_of(
                np.frombuffer(row["signature"], np.uint8), row["n_frames"], row["fps"]
            )
            for group in range(table.num_row_groups)
            for row in table.read_row_group(group).to_pylist()
        }


def write_quarantine(path: Path, refused: Sequence[Refused]) -> None:
    """A row a refused file, sorted by its name; the header is always there."""
    rows = sorted((printable(file.candidate.video), file.reason, file.detail) for file in refused)
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(QUARANTINE_HEADER)
        writer.writerows(rows)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with whole_file(path) as temporary:
        table.sort_values("video").to_parquet(temporary, index=False)
