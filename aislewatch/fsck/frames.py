"""Checks the private frame store: every entry whole, as its facts say, and nothing else in it."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aislewatch.findings import Fault, Finding, remove
from aislewatch.fsck.entries import check_entry
from aislewatch.fsck.read_files import ReadFiles
from aislewatch.tables.places import STORE

# The decoder has been part of it since version 3.
_NAME = re.compile(
    r"(?P<key>[0-9a-f]{64}-\d+fps-\d+px-v\d+(-[\w.]+?)?)\.(yuv|(s\d+|times)\.npy|json)"
)


def store_files() -> list[Path]:
    """List every file of the store, but for folders in which videos are being decoded."""
    return sorted(path for path in STORE.glob("*") if not path.is_dir())


def is_entry(file: Path) -> bool:
    """Return whether a file belongs to a stored video, by its name."""
    return _NAME.fullmatch(file.name) is not None


def check_frames(files: Sequence[Path], evidence: ReadFiles) -> list[Finding]:
    """Find the faults of the store.

    Without a copy of its frames elsewhere, a damaged entry is removed as a whole: the video is
    decoded again when it is needed.
    """
    findings: list[Finding] = []
    entries: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        match = _NAME.fullmatch(file.name)
        if match:
            entries[match["key"]].append(file)
        else:
            findings.append(Finding(file, Fault.STRAY, remove(file)))
    for key, entry in entries.items():
        findings += check_entry(STORE / f"{key}.json", entry, partial(_digests, key), evidence)
    return findings


def _digests(key: str, facts: dict[str, Any]) -> dict[Path, str]:
    """Return the sha256 of each file of an entry."""
    return {STORE / f"{key}.{suffix}": digest for suffix, digest in facts["sha256"].items()}
