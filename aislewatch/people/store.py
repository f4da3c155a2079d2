"""Keeps what was found in each video, so that one new video costs one video.

An entry is a folder, named by all that its content follows from, and has its name only when it is
complete: ``facts.json`` (with the sha256 of the other files and of itself), ``boxes.npy``, and two
files a way.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aislewatch.files import fsync_folder, move_synced, sha256_file
from aislewatch.frames.store import link_or_copy, read_facts, sealed
from aislewatch.people.boxes import Floats

# Part of an entry's name: raise it when the same video gives other tracks, squares or features.
PEOPLE_VERSION = 4

FACTS, BOXES = "facts.json", "boxes.npy"
SQUARES, FEATURES = "squares", "features"


@dataclass(frozen=True)
class StoredWay:
    """A person's way in a video.

    Args:
        first: the store's frame that its files begin with.
        n_frames: length of its files.
        prominence: column of ``TRACKED``.
        squares_sha256: of its file of squares.
        features_sha256: of its file of features.
    """

    first: int
    n_frames: int
    prominence: float
    squares_sha256: str
    features_sha256: str


@dataclass(frozen=True)
class Entry:
    """What was found in a video.

    Args:
        key: name of its folder.
        ways: by their number.
        boxes: (N, 8) number of the way, frame, left, top, right, bottom, score, interpolated.
    """

    key: str
    ways: tuple[StoredWay, ...]
    boxes: Floats

    def file_name(self, way: int) -> str:
        """Return the name of a way's files in ``data/dataset/people``."""
        return f"{self.key}-{way:06d}.bin"


@dataclass(frozen=True)
class PeopleStore:
    """The private store.

    Args:
        folder: of the entries.
        square_bytes: of a frame of squares.
        feature_bytes: of a frame of features.
    """

    folder: Path
    square_bytes: int
    feature_bytes: int

    def find(self, key: str) -> Entry | None:
        """Return an entry, or None where it is not there or its files are not whole."""
        folder = self.folder / key
        try:
            facts = read_facts(folder / FACTS)
            if sha256_file(folder / BOXES) != facts["boxes_sha256"]:
                return None
            ways = tuple(StoredWay(**way) for way in facts["ways"])
            boxes = np.load(folder / BOXES, allow_pickle=False)
            sizes = [self.path(key, n, kind).stat().st_size for n, kind in _files(ways)]
        except (FileNotFoundError, ValueError, TypeError, KeyError, EOFError):
            return None
        frame_bytes = {SQUARES: self.square_bytes, FEATURES: self.feature_bytes}
        whole = [ways[n].n_frames * frame_bytes[kind] for n, kind in _files(ways)]
        return Entry(key, ways, boxes) if sizes == whole else None

    def add(self, key: str, made: Path, ways: Sequence[dict[str, Any]], boxes: Floats) -> Entry:
        """Take in a video's people.

        Args:
            key: of the entry; one that is there is damaged, and replaced.
            made: a folder on the store's file system, the caller's to remove: holds ``0.squares``,
                ``0.features`` and so on, which are moved.
            ways: first, n_frames and prominence of each.
            boxes: as ``Entry`` has them.
        """
        entry = made / "entry"
        entry.mkdir()
        for n, kind in _files(ways):
            move_synced(made / f"{n:06d}.{kind}", entry / f"{n:06d}.{kind}")
        np.save(entry / BOXES, boxes)
        stored = []
        for n, way in enumerate(ways):
            squares, features = (sha256_file(entry / f"{n:06d}.{kind}") for kind in _KINDS)
            stored.append(StoredWay(**way, squares_sha256=squares, features_sha256=features))
        facts = {"ways": list(map(asdict, stored)), "boxes_sha256": sha256_file(entry / BOXES)}
        (entry / FACTS).write_text(sealed(facts))
        fsync_folder(entry)
        shutil.rmtree(self.folder / key, ignore_errors=True)
        entry.replace(self.folder / key)
        fsync_folder(self.folder)
        return Entry(key, tuple(stored), boxes)

    def publish(self, entry: Entry, folder: Path) -> None:
        """Give an entry's files their names below ``folder``, by kind."""
        for n, kind in _files(entry.ways):
            target = folder / kind / entry.file_name(n)
            # Copies of one video in two places are one entry.
            if not target.exists():
                link_or_copy(self.path(entry.key, n, kind), target)

    def path(self, key: str, way: int, kind: str) -> Path:
        """Return the place of a way's file."""
        return self.folder / key / f"{way:06d}.{kind}"


_KINDS = (SQUARES, FEATURES)


def _files(ways: Sequence[object]) -> list[tuple[int, str]]:
    return [(n, kind) for n in range(len(ways)) for kind in _KINDS]


def entry_key(facts: dict[str, Any]) -> str:
    """Name an entry by all that its content follows from."""
    text = json.dumps(facts | {"version": PEOPLE_VERSION}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]
