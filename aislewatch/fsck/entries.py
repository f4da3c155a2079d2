"""Checks one entry of a private store: the files that its facts name, whole, and no others."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aislewatch.findings import Fault, Finding, Wanted, remove
from aislewatch.frames.store import read_facts
from aislewatch.fsck.read_files import ReadFiles


def check_entry(
    facts_file: Path,
    files: Sequence[Path],
    digests: Callable[[dict[str, Any]], Mapping[Path, str]],
    evidence: ReadFiles,
) -> list[Finding]:
    """Find the faults of an entry; damaged and without a copy elsewhere, all of it is removed.

    Args:
        facts_file: states what the entry holds.
        files: all that are there, the facts among them, in the order in which they are named.
        digests: returns the sha256 of each file that the facts name.
        evidence: has read the files.
    """
    forget = remove(*files)
    try:
        facts = read_facts(facts_file)
    except FileNotFoundError:
        return [Finding(facts_file, Fault.MISSING, forget)]
    except ValueError:
        return [Finding(facts_file, Fault.CHANGED, forget)]
    except OSError:
        return [Finding(facts_file, Fault.UNREADABLE, forget)]
    known, findings = digests(facts), []
    for file, digest in known.items():
        wanted = Wanted(file, sha256=digest)
        found = evidence.finding(wanted, "")
        if found is not None:
            copied = evidence.copy_of(wanted) is not None
            findings.append(found if copied else Finding(found.path, found.fault, forget))
    strays = [file for file in files if file not in known and file != facts_file]
    return findings + [Finding(file, Fault.STRAY, remove(file)) for file in sorted(strays)]
