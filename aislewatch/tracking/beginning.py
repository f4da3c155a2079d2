"""Keeps what an execution is judged by when it begins: later changes do not count.

In the folder ``beginning``: dvc.yaml with the files that it takes values from, dvc.lock, and the
hashes of what no stage makes; beside it what git says. What the stages of that dvc.yaml are is
found out from it later (`recording/plan.py`): that takes seconds, which a stage does not wait.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from aislewatch.files import read_yaml, write_json
from aislewatch.tracking.filenames import BEGINNING, CHANGES, HASHES
from aislewatch.tracking.provenance import (
    LOCK,
    PARAMS,
    PIPELINE,
    file_hash,
    lock_entries,
    made_outputs,
)

# Largest dependency in bytes that is hashed anew: code and label files are far smaller, while
# footage may be hundreds of GB, of which dvc.lock's word is taken.
MAX_HASHED = 64 << 20


def keep_beginning(folder: Path) -> None:
    """Keep what an execution is judged by in its folder."""
    save_changes(folder / CHANGES)
    kept = folder / BEGINNING
    for file in {PIPELINE, LOCK, PARAMS, *_named_files()}:
        if file.is_file():
            (kept / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, kept / file)
    if PARAMS.exists():
        shutil.copyfile(PARAMS, folder / PARAMS)
    entries = lock_entries()
    made = {Path(out) for out in made_outputs(entries)}
    read = {dep["path"] for entry in entries.values() for dep in entry.get("deps", [])}
    # A folder that holds outputs, as data/dataset does, changes while the stages run.
    follows = {folder for out in made for folder in (out, *out.parents)}
    given = sorted(
        dep for dep in read if Path(dep) not in follows and not made & {*Path(dep).parents}
    )
    hashes = {dep: file_hash(Path(dep), MAX_HASHED) for dep in given}
    write_json(folder / HASHES, {dep: found for dep, found in hashes.items() if found})


def _named_files() -> Iterator[Path]:
    """Find the files inside the project that dvc.yaml takes parameters and variables from."""
    try:
        pipeline = read_yaml(PIPELINE)
    except (OSError, ValueError, YAMLError):
        return
    for name in set(_names_in(pipeline)):
        file = Path(name)
        if not file.is_absolute() and ".." not in file.parts:
            yield file


def _names_in(value: Any) -> Iterator[str]:
    """Walk dvc.yaml: ``vars`` name files as ``file:keys``, ``params`` as ``{file: keys}``."""
    if isinstance(value, list):
        for part in value:
            yield from _names_in(part)
    if not isinstance(value, dict):
        return
    place = value.get("wdir", ".")
    for key, part in value.items():
        listed = part if isinstance(part, list) else []
        if key == "vars":
            named = [item.partition(":")[0] for item in listed if isinstance(item, str)]
        elif key == "params":
            named = [str(name) for item in listed if isinstance(item, dict) for name in item]
        else:
            named = []
            yield from _names_in(part)
        for name in named:
            yield name
            yield f"{place}/{name}"


def save_changes(file: Path) -> None:
    """Write the working tree's changes against its commit as a patch, if there are any.

    Without dvc.lock, which the command is about to write. Files that git does not track are not in
    it: code that counts is a dependency in dvc.yaml, whose hash would tell.
    """
    patch = _git("diff", "--binary", "HEAD", "--", ".", ":(exclude)dvc.lock", strip=False)
    if patch:
        file.write_text(patch, encoding="utf-8", errors="surrogateescape")


def git_state() -> dict[str, Any]:
    """Return commit, branch and dirtiness of the working tree; nothing without git or a commit.

    ``branch`` is ``HEAD`` where none is checked out; ``shallow`` says that history is cut off.
    """
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {
        "commit": commit,
        "branch": _git("rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "shallow": _git("rev-parse", "--is-shallow-repository") == "true",
    }


def _git(*arguments: str, strip: bool = True) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        return None
    return done.stdout.strip() if strip else done.stdout
