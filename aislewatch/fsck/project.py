"""Checks frame store, store of people, DVC cache, remote and outputs of a project together.

Everything is read first, each file once. Then every file is judged, and repaired from whichever
place has its bytes. Memory grows with the number of files, not with their size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from aislewatch.findings import Finding
from aislewatch.fsck.dvc_files import (
    OBJECTS,
    ObjectFolder,
    Output,
    cache_folder,
    default_remote,
    locked_outputs,
)
from aislewatch.fsck.frames import check_frames, is_entry, store_files
from aislewatch.fsck.hashing import Digests, Progress, hash_files
from aislewatch.fsck.outputs import PUSH, REMAKE, check_objects, check_output, expect
from aislewatch.fsck.people import check_people, is_of_people, people_files
from aislewatch.fsck.read_files import ReadFiles
from aislewatch.fsck.run_cache import RUNS, check_runs
from aislewatch.recording.address import without_password
from aislewatch.tables.places import PEOPLE_STORE, STORE


@dataclass(frozen=True)
class Checked:
    """How many files were read in each place, faults found, and what could not be checked."""

    places: dict[str, int]
    findings: list[Finding]
    notes: list[str]


def check_project(progress: Progress) -> Checked:
    """Check the project in the working folder.

    Args:
        progress: told (MiB read, MiB in all).
    """
    outputs = locked_outputs()
    remote, notes = _remote()
    in_store, of_people = store_files(), people_files()
    objects = {
        folder: folder.files() for folder in (ObjectFolder(cache_folder() / OBJECTS), *remote)
    }
    working = [file for output in outputs for file in _files(output)]
    digests = hash_files([*in_store, *of_people, *chain(*objects.values()), *working], progress)
    strays = {file for file in in_store if not is_entry(file)}
    strays |= {file for file in of_people if not is_of_people(file)}
    evidence = ReadFiles(digests, strays | _misnamed(objects, digests))
    expected = [expect(output, objects, evidence) for output in outputs]
    stored = [one for one in expected if one.output.cached]
    n_runs, findings = check_runs(cache_folder() / RUNS)
    findings += check_frames(in_store, evidence) + check_people(of_people, evidence)
    for (folder, files), then in zip(objects.items(), (REMAKE, PUSH), strict=False):
        findings += check_objects(folder, files, stored, then, evidence)
    for one in expected:
        findings += check_output(one, evidence)
    counts = {f"files in {STORE}": len(in_store)}
    if of_people:
        counts[f"files in {PEOPLE_STORE}"] = len(of_people)
    counts |= {f"files in {folder.root}": len(files) for folder, files in objects.items()}
    counts |= {f"files in {cache_folder() / RUNS}": n_runs}
    counts |= {"files of the outputs in dvc.lock": len(working)}
    return Checked(counts, findings, notes)


def _misnamed(
    objects: Mapping[ObjectFolder, list[Path]], digests: Mapping[Path, Digests | None]
) -> set[Path]:
    """Find files that are no objects, and objects that are not what their names say."""
    return {
        file
        for folder, files in objects.items()
        for file in files
        if (found := digests[file]) and found.md5 != folder.oid(file)[:32]
    }


def _remote() -> tuple[list[ObjectFolder], list[str]]:
    name, address = default_remote()
    if not name:
        return [], ["no default remote is configured: there is no copy elsewhere"]
    if "://" in address:
        words = (
            f"the remote {name!r} ({without_password(address)}) is no folder here: clone the "
            "repository elsewhere, run `dvc pull` and `aislewatch fsck` there, and what the remote "
            "gave is checked"
        )
        return [], [words]
    return [ObjectFolder(Path(address) / OBJECTS)], []


def _files(output: Output) -> list[Path]:
    if output.path.is_dir():
        return sorted(path for path in output.path.rglob("*") if not path.is_dir())
    return [output.path] if output.path.exists() else []
