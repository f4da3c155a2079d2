"""Checks the private store of people: every video's entry whole, as its facts say."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aislewatch.findings import Fault, Finding, Wanted, remove
from aislewatch.frames.store import read_facts
from aislewatch.fsck.read_files import ReadFiles
from aislewatch.people.store import BOXES, FACTS, FEATURES, SQUARES
from aislewatch.tables.places import PEOPLE_STORE

_NAME = re.compile(rf"[0-9a-f]{{40}}/({FACTS}|{BOXES}|\d{{6}}\.({SQUARES}|{FEATURES}))")


def people_files() -> list[Path]:
    """List every file of the store, but those of videos that are being looked at."""
    inside = (
        path for path in PEOPLE_STORE.glob("*/*") if not path.parent.name.startswith("scratch")
    )
    return sorted(path for path in (*PEOPLE_STORE.glob("*"), *inside) if not path.is_dir())


def is_of_people(file: Path) -> bool:
    """Return whether a file belongs to an entry, by its name."""
    return _NAME.fullmatch(file.relative_to(PEOPLE_STORE).as_posix()) is not None


def check_people(files: Sequence[Path], evidence: ReadFiles) -> list[Finding]:
    """Find the faults of the store.

    Without a copy elsewhere a damaged entry is removed as a whole: people are looked for in the
    video again when they are needed.
    """
    findings: list[Finding] = []
    entries: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        if is_of_people(file):
            entries[file.parent].append(file)
        else:
            findings.append(Finding(file, Fault.STRAY, remove(file)))
    for folder, entry in entries.items():
        findings += _check_entry(folder, entry, evidence)
    return findings


def _check_entry(folder: Path, entry: list[Path], evidence: ReadFiles) -> list[Finding]:
    forget = remove(*entry)
    facts_file = folder / FACTS
    try:
        facts = read_facts(facts_file)
    except FileNotFoundError:
        return [Finding(facts_file, Fault.MISSING, forget)]
    except ValueError:
        return [Finding(facts_file, Fault.CHANGED, forget)]
    except OSError:
        return [Finding(facts_file, Fault.UNREADABLE, forget)]
    known = _digests(facts)
    findings = []
    for name, digest in known.items():
        wanted = Wanted(folder / name, sha256=digest)
        found = evidence.finding(wanted, "")
        if found is not None:
            copied = evidence.copy_of(wanted) is not None
            findings.append(found if copied else Finding(found.path, found.fault, forget))
    strays = [file for file in entry if file.name not in known and file.name != FACTS]
    return findings + [Finding(file, Fault.STRAY, remove(file)) for file in strays]


def _digests(facts: dict[str, Any]) -> dict[str, str]:
    """Return the sha256 of each file by its name."""
    known = {BOXES: str(facts["boxes_sha256"])}
    for number, way in enumerate(facts["ways"]):
        for kind in (SQUARES, FEATURES):
            known[f"{number:06d}.{kind}"] = str(way[f"{kind}_sha256"])
    return known
