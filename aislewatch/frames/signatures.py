"""Reads the fingerprints of all videos, which ingest wrote as signatures in one table."""

import numpy as np

from aislewatch.frames.fingerprint import Fingerprint, fingerprint_of
from aislewatch.tables.ingest import FINGERPRINTS
from aislewatch.tables.table import Table


def read_fingerprints(table: Table = FINGERPRINTS) -> dict[str, Fingerprint]:
    """Return the fingerprint of every accepted video, by video.

    Raises:
        TableError: the table is missing or damaged.
    """
    columns = ("video", "signature", "n_frames", "fps")
    return {
        video: fingerprint_of(np.frombuffer(signature, np.uint8), n_frames, fps)
        for group in table.read_groups()
        for video, signature, n_frames, fps in zip(
            *(group[name].tolist() for name in columns), strict=True
        )
    }
