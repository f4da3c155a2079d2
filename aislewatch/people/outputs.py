"""Writes the folder of people: two tables, the form of its files, and the files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislewatch.files import sha256_file, tree_digest, whole_folder, write_json
from aislewatch.people.store import FEATURES, SQUARES, Entry, PeopleStore
from aislewatch.tables import places
from aislewatch.tables.people import TRACKED, TRACKS

# Rows of TRACKS that are held at once: 16 MB.
GROUP_ROWS = 200_000

# A video's name and what was found in it.
Found = tuple[str, Entry]


def publish(videos: Sequence[Found], store: PeopleStore, form: dict[str, Any], to: Path) -> None:
    """Make ``to`` hold these videos' people and nothing else, whole or not at all.

    Args:
        videos: sorted by name.
        store: which has their files.
        form: what the files hold; ``models.build.PeopleForm`` reads it.
        to: the folder.
    """
    with whole_folder(to) as folder:
        for kind in (SQUARES, FEATURES):
            (folder / kind).mkdir()
        for _, entry in videos:
            store.publish(entry, folder)
        TRACKED.at(folder / places.TRACKED.name).write(tracked_of(videos))
        TRACKS.at(folder / places.TRACKS.name).write_groups(tracks_of(videos))
        write_json(folder / places.PEOPLE_FORM.name, form)


def tracked_of(videos: Sequence[Found]) -> pd.DataFrame:
    """Return the rows of ``TRACKED``."""
    return TRACKED.frame(
        (video, number, entry.file_name(number), way.first, way.n_frames, way.prominence)
        for video, entry in videos
        for number, way in enumerate(entry.ways)
    )


def tracks_of(videos: Sequence[Found]) -> Iterator[pd.DataFrame]:
    """Yield the rows of ``TRACKS``, ``GROUP_ROWS`` or a video more at a time; at least one part."""
    held: list[Found] = []
    for one in videos:
        held.append(one)
        if sum(len(entry.boxes) for _, entry in held) >= GROUP_ROWS:
            yield _group(held)
            held = []
    yield _group(held)


def _group(videos: Sequence[Found]) -> pd.DataFrame:
    rows = np.concatenate([np.zeros((0, 8)), *(entry.boxes for _, entry in videos)])
    names = [video for video, entry in videos for _ in range(len(entry.boxes))]
    frame = pd.DataFrame(rows, columns=TRACKS.names[1:])
    frame.insert(0, TRACKS.names[0], pd.Series(names, dtype="str"))
    return frame.astype(TRACKS.dtypes)


def digest_of(videos: Sequence[Found], folder: Path) -> str:
    """Compute ``sha256_tree`` of a published folder, whose large files were hashed when stored."""
    tables = (places.TRACKS, places.TRACKED, places.PEOPLE_FORM)
    known = {table.name: sha256_file(folder / table.name) for table in tables}
    for _, entry in videos:
        for number, way in enumerate(entry.ways):
            known[f"{SQUARES}/{entry.file_name(number)}"] = way.squares_sha256
            known[f"{FEATURES}/{entry.file_name(number)}"] = way.features_sha256
    return tree_digest(known)
