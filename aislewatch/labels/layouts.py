"""Reads the labels of a source in whatever layout they are written.

A layout is a module of this room with its name in ``config.data.Layout``: ``read_labels`` in it
reads one source.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import get_args

from aislewatch.config.data import Layout
from aislewatch.labels.checks import Limits, check_rows
from aislewatch.labels.exports import DATA_SETS, name_exports
from aislewatch.labels.problems import Problem, some
from aislewatch.labels.protocol import Labels, ReadLabels, Video
from aislewatch.labels.videos_file import add_properties

READERS: Mapping[Layout, ReadLabels] = {
    layout: import_module(f"aislewatch.labels.{layout}").read_labels for layout in get_args(Layout)
}


def read_source(
    raw: Path, source: str, layout: Layout, videos: Mapping[str, Video], limits: Limits
) -> Labels:
    """Read the labels of one source, and find every problem in them or with its videos.

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
    labels.problems[:] = name_exports(raw, source, layout, labels)
    # Of a data set much is unlabeled by intent; its reader says what is not.
    if layout not in DATA_SETS:
        labels.problems.extend(_without_label(raw, source, videos, labels))
    return labels


def _without_label(
    raw: Path, source: str, videos: Mapping[str, Video], labels: Labels
) -> Iterator[Problem]:
    """Warn once of folders in which nothing has a label: their name may have been meant as one."""
    if any(problem.level == "error" for problem in labels.problems):
        return  # Told with the reason, or hidden by it.
    labelled = {row.video for row in labels.rows} | set(labels.whole)
    spoken_of = labelled | {problem.video for problem in labels.problems}
    above = {folder for video in labelled for folder in PurePosixPath(video).parents}
    silent = [PurePosixPath(video).parent for video in videos if video not in spoken_of]
    silent = [folder for folder in silent if folder not in above and not _said_unlabeled(folder)]
    if silent:
        folders = some(sorted({folder.as_posix() for folder in silent}))
        fault = f"nothing has a label in {folders}; {len(silent)} video(s) there stay unlabeled"
        remedy = "label them, correct the folder's name, or move them to a folder unlabeled/"
        place = (raw / source).as_posix()
        yield Problem(place, None, "", "warning", "without_label", fault, remedy)


def _said_unlabeled(folder: PurePosixPath) -> bool:
    return any(part.lower() in ("unlabeled", "unlabelled") for part in folder.parts[1:])
