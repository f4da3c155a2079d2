"""Checks DVC's cache, a remote that is a folder, and the outputs themselves, against dvc.lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aislewatch.findings import Fault, Finding, Wanted, remove
from aislewatch.fsck.dvc_files import ObjectFolder, Output
from aislewatch.fsck.read_files import ReadFiles

# Commands for after the repairs, in this order; the first is followed by outputs.
CHECKOUT = "dvc checkout"
REMAKE = "dvc repro"
PUSH = "dvc push"


@dataclass(frozen=True)
class Expected:
    """An output, and the md5 of its files by path in it; None where nobody knows them any more."""

    output: Output
    members: dict[str, str] | None

    @property
    def is_folder(self) -> bool:
        """Return whether it is a folder of files."""
        return self.output.oid.endswith(".dir")


def expect(output: Output, folders: Iterable[ObjectFolder], evidence: ReadFiles) -> Expected:
    """Find the list of a folder's files: in the cache, in the remote, or in the folder itself."""
    oid = output.oid
    if not oid.endswith(".dir"):
        return Expected(output, {})
    for folder in folders:
        if evidence.fault(Wanted(folder.path(oid), md5=oid[:32])) is None:
            return Expected(output, folder.listing(oid))
    if evidence.folder_oid(output.path) == oid:
        return Expected(output, evidence.listing(output.path))
    return Expected(output, None)


def check_objects(
    folder: ObjectFolder,
    files: Sequence[Path],
    needed: Iterable[Expected],
    then: str,
    ev: ReadFiles,
) -> list[Finding]:
    """Find faults of a cache or remote: objects unlike their names, and needed ones that lack.

    Args:
        folder: the cache's or the remote's.
        files: in it.
        needed: what dvc.lock states.
        then: the command that makes what no copy is left of, or fills an empty remote.
        ev: what was read.
    """
    wanted: dict[Path, Wanted] = {}
    for expected in needed:
        oid, size = expected.output.oid, None if expected.is_folder else expected.output.size
        wanted[folder.path(oid)] = Wanted(folder.path(oid), md5=oid[:32], size=size)
        for md5 in (expected.members or {}).values():
            wanted[folder.path(md5)] = Wanted(folder.path(md5), md5=md5)
    if wanted and not files and (then == PUSH or not any(map(ev.copy_of, wanted.values()))):
        return [Finding(folder.root, Fault.MISSING, "", then)]
    findings = [ev.finding(one, then) for one in wanted.values()]
    for file in files:
        oid = folder.oid(file)
        if not oid:
            findings.append(Finding(file, Fault.STRAY, remove(file)))
        elif file not in wanted:
            # Of an earlier revision: nothing today needs it, and that revision can make it again.
            findings.append(ev.finding(Wanted(file, md5=oid[:32]), ""))
    return [found for found in findings if found is not None]


def check_output(expected: Expected, evidence: ReadFiles) -> list[Finding]:
    """Find faults of one output where the pipeline has put it.

    It is linked again by DVC where its bytes are to be had, and made again elsewhere.
    """
    output = expected.output
    if not expected.is_folder:
        wanted = [Wanted(output.path, output.oid, size=output.size)]
        return _check_files(output, wanted, evidence)
    there = evidence.below(output.path)
    if expected.members is None:
        if there:
            return [Finding(output.path, Fault.CHANGED, f"rm -rf {output.path}", REMAKE)]
        return [Finding(output.path, Fault.MISSING, "", REMAKE)]
    wanted = [Wanted(output.path / name, md5) for name, md5 in expected.members.items()]
    if wanted and not there:
        sound = all(evidence.copy_of(one) for one in wanted)
        return [Finding(output.path, Fault.MISSING, "", _checkout(output) if sound else REMAKE)]
    strays = sorted(set(there) - set(expected.members))
    return _check_files(output, wanted, evidence) + [
        Finding(there[name], Fault.STRAY, remove(there[name])) for name in strays
    ]


def _check_files(output: Output, wanted: Iterable[Wanted], evidence: ReadFiles) -> list[Finding]:
    findings = []
    for one in wanted:
        fault = evidence.fault(one)
        if fault is not None:
            repair = "" if fault is Fault.MISSING else remove(one.path)
            sound = output.cached and evidence.copy_of(one) is not None
            findings.append(
                Finding(one.path, fault, repair, _checkout(output) if sound else REMAKE)
            )
    return findings


def _checkout(output: Output) -> str:
    return f"{CHECKOUT} {output.path}"
