"""Reads when the pictures of all videos are shown, which ingest wrote in one table."""

import numpy as np

from aislewatch.frames.timing import PictureTimes
from aislewatch.tables.ingest import PICTURE_TIMES
from aislewatch.tables.table import Table


def read_picture_times(table: Table = PICTURE_TIMES) -> dict[str, PictureTimes]:
    """Return the times of the pictures of every accepted video, by video.

    Raises:
        TableError: the table is missing or damaged.
    """
    return {
        video: PictureTimes(np.frombuffer(bounds_ns, "<i8").astype(np.int64).reshape(-1, 2))
        for group in table.read_groups()
        for video, bounds_ns in zip(group["video"], group["bounds_ns"], strict=True)
    }
