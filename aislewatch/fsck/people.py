"""Checks the private store of people: every video's entry whole, as its facts say."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aislewatch.findings import Fault, Finding, remove
from aislewatch.fsck.entries import check_entry
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
        findings += check_entry(folder / FACTS, entry, partial(_digests, folder), evidence)
    return findings


def _digests(folder: Path, facts: dict[str, Any]) -> dict[Path, str]:
    """Return the sha256 of each file of an entry."""
    known = {folder / BOXES: str(facts["boxes_sha256"])}
    for number, way in enumerate(facts["ways"]):
        for kind in (SQUARES, FEATURES):
            known[folder / f"{number:06d}.{kind}"] = str(way[f"{kind}_sha256"])
    return known
