"""Checks the private frame store: every entry whole, as its facts say, and nothing else in it."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from aislewatch.findings import Fault, Finding, Wanted, remove
from aislewatch.frames.store import read_facts
from aislewatch.fsck.read_files import ReadFiles
from aislewatch.tables.places import STORE

# The decoder has been part of it since version 3.
_NAME = re.compile(
    r"(?P<key>[0-9a-f]{64}-\d+fps-\d+px-v\d+(-[\w.]+?)?)\.(?P<suffix>yuv|(s\d+|times)\.npy|json)"
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
    entries: dict[str, dict[str, Path]] = defaultdict(dict)
    for file in files:
        match = _NAME.fullmatch(file.name)
        if match:
            entries[match["key"]][match["suffix"]] = file
        else:
            findings.append(Finding(file, Fault.STRAY, remove(file)))
    for key, entry in entries.items():
        findings += _check_entry(key, entry, evidence)
    return findings


def _check_entry(key: str, entry: dict[str, Path], evidence: ReadFiles) -> list[Finding]:
    forget = remove(*entry.values())
    facts_file = STORE / f"{key}.json"
    try:
        facts = read_facts(facts_file)
    except FileNotFoundError:
        return [Finding(facts_file, Fault.MISSING, forget)]
    except ValueError:
        return [Finding(facts_file, Fault.CHANGED, forget)]
    except OSError:
        return [Finding(facts_file, Fault.UNREADABLE, forget)]
    findings = []
    for suffix, digest in facts["sha256"].items():
        wanted = Wanted(STORE / f"{key}.{suffix}", sha256=digest)
        found = evidence.finding(wanted, "")
        if found is not None:
            copied = evidence.copy_of(wanted) is not None
            findings.append(found if copied else Finding(found.path, found.fault, forget))
    strays = set(entry) - set(facts["sha256"]) - {"json"}
    return findings + [
        Finding(entry[suffix], Fault.STRAY, remove(entry[suffix])) for suffix in sorted(strays)
    ]
