"""Hashes many files, each read once however many names it has."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aislewatch.files import HASH_BLOCK

# Both digests at once take a second of CPU for 463 MiB (2 cores, 2026-11-25), and hashing releases
# Python's lock: two threads keep up with most disks, and more would make a slow one seek.
THREADS = 2

# Told (MiB read, MiB in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Digests:
    """Hex digests of a file's bytes, and how many these are."""

    md5: str
    sha256: str
    size: int


def hash_files(files: Iterable[Path], progress: Progress) -> dict[Path, Digests | None]:
    """Hash every file; None where it cannot be read.

    The frame store, DVC's cache and the working copy share one file where the file system links;
    it is read once.
    """
    names: dict[tuple[int, int], list[Path]] = defaultdict(list)
    sizes: dict[tuple[int, int], int] = {}
    found: dict[Path, Digests | None] = {}
    for path in files:
        try:
            status = path.stat()
        except OSError:
            found[path] = None
            continue
        names[status.st_dev, status.st_ino].append(path)
        sizes[status.st_dev, status.st_ino] = status.st_size
    total, done = sum(sizes.values()) >> 20, 0
    with ThreadPoolExecutor(THREADS) as pool:
        digests = pool.map(_digests, [paths[0] for paths in names.values()])
        for (inode, paths), of_file in zip(names.items(), digests, strict=True):
            found |= dict.fromkeys(paths, of_file)
            done += sizes[inode]
            progress(done >> 20, total)
    return found


def _digests(path: Path) -> Digests | None:
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(HASH_BLOCK):
                md5.update(block)
                sha256.update(block)
                size += len(block)
    except OSError:
        return None
    return Digests(md5.hexdigest(), sha256.hexdigest(), size)
