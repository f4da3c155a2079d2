"""Brings what people put into the project, and git does not hold, into the worktree."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from aislewatch.files import whole_file
from aislewatch.tables import places
from flows.worktree import Worktree, git

# Besides what DVC tracks there.
INPUTS = (places.RAW, places.PRETRAINED, places.DETECTOR)

# Bytes from which a file is hard-linked. Below, it is copied: labels and verdicts are small, and
# people edit them in place, which a link would let reach into a training that goes on.
LINK_BYTES = 16 * 2**20


def bring_inputs(tree: Worktree) -> dict[str, tuple[int, int]]:
    """Make the worktree's footage, labels and weights those of the project, as they are now.

    Folders that git holds as ``.dvc`` files are left to DVC.

    Returns:
        Size and time of change of every file of data/raw that is not DVC's.
    """
    seen = {}
    for inputs in INPUTS:
        there = _mirror(tree.project / inputs, tree.folder / inputs, _tracked(tree.folder, inputs))
        if inputs == places.RAW:
            seen = there
    return seen


def tracked_footage(tree: Worktree) -> list[str]:
    """List the ``.dvc`` files of data/raw that git holds."""
    return [name for name in _listed(tree.folder, places.RAW) if name.endswith(".dvc")]


def _listed(folder: Path, inputs: Path) -> list[str]:
    return git(folder, "ls-files", "-z", "--", inputs.as_posix()).split("\0")[:-1]


def _tracked(folder: Path, inputs: Path) -> set[Path]:
    """List what git holds of a folder, and what its ``.dvc`` files stand for."""
    names = [Path(name).relative_to(inputs) for name in _listed(folder, inputs)]
    return {*names, *(name.with_suffix("") for name in names if name.suffix == ".dvc")}


def _mirror(source: Path, target: Path, tracked: set[Path]) -> dict[str, tuple[int, int]]:
    there = {}
    for name in _entries(source):
        if tracked.isdisjoint((name, *name.parents)):
            with suppress(FileNotFoundError):  # It went at this moment.
                there[name] = _bring(source / name, target / name)
    for name in _entries(target):
        if name not in there and tracked.isdisjoint((name, *name.parents)):
            (target / name).unlink()
    return {name.as_posix(): facts for name, facts in sorted(there.items())}


def _entries(folder: Path) -> list[Path]:
    """List files and symbolic links below a folder, relative to it."""
    found = []
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        found += [(Path(place) / name).relative_to(folder) for name in (*files, *links)]
    return found


def _bring(source: Path, target: Path) -> tuple[int, int]:
    """Make ``target`` what ``source`` is; return its size and the time of its last change."""
    facts = source.stat()
    size, changed = facts.st_size, facts.st_mtime_ns
    if source.is_symlink():
        if not target.is_symlink() or target.resolve() != source.resolve():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(source.resolve())
        return size, changed
    if target.is_file() and not target.is_symlink():
        has = target.stat()
        is_same = (has.st_size, has.st_mtime_ns) == (size, changed)
        if is_same and (size < LINK_BYTES or has.st_ino == facts.st_ino or has.st_nlink == 1):
            return size, changed
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if size >= LINK_BYTES:
        with suppress(OSError):  # Another file system, or one without links.
            os.link(source, target)
            return size, changed
    with whole_file(target) as temporary:
        shutil.copy2(source, temporary)
    return size, changed
