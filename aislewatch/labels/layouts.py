"""Every layout's reader, and what is made of a source whatever its layout."""

from collections.abc import Mapping
from pathlib import Path

from aislewatch.config.data import Layout
from aislewatch.labels import cvat, dcsass, folder, label_studio, table, ucf_crime
from aislewatch.labels.checks import Limits, check_rows
from aislewatch.labels.protocol import Labels, ReadLabels, Video
from aislewatch.labels.videos_file import add_properties

READERS: Mapping[Layout, ReadLabels] = {
    "folder": folder.read_labels,
    "table": table.read_labels,
    "cvat": cvat.read_labels,
    "label_studio": label_studio.read_labels,
    "ucf_crime": ucf_crime.read_labels,
    "dcsass": dcsass.read_labels,
}


def read_source(
    raw: Path, source: str, layout: Layout, videos: Mapping[str, Video], limits: Limits
) -> Labels:
    """The labels of one source, with every problem that they have in themselves or with its videos.

    Args:
        raw: the folder of all sources.
        source: the source's folder in it.
        layout: how its labels are written.
        videos: its accepted videos, by name relative to ``raw``.
        limits: what intervals must satisfy.
    """
    labels = READERS[layout](raw, source, videos)
    add_properties(raw, source, videos, labels)
    labels.problems.extend(check_rows(labels.rows, videos, limits))
    return labels
