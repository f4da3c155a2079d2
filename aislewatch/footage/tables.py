"""What ingest writes beside the frames: catalog, fingerprints and quarantine table."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.files import whole_file
from aislewatch.footage.candidates import camera_and_label, printable
from aislewatch.footage.fingerprint import CELL_COUNT, Signature
from aislewatch.footage.intake import Accepted, Refused
from aislewatch.footage.store import FrameStore

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
    """A row an accepted video, sorted by video; ``signature`` holds int8 (frames, 256) as bytes."""
    rows = [
        (verdict.candidate.video, store.signature(verdict.stored.key).tobytes())
        for verdict in accepted
    ]
    _write_table(path, pd.DataFrame(rows, columns=["video", "signature"]))


def read_fingerprints(path: Path) -> dict[str, Signature]:
    """The signatures that ``write_fingerprints`` wrote, by video."""
    table = pd.read_parquet(path)
    return {
        video: np.frombuffer(signature, np.int8).reshape(-1, CELL_COUNT)
        for video, signature in zip(table["video"], table["signature"], strict=True)
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
