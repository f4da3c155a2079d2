"""Names what can be wrong with a file that is kept, and the command that repairs it."""

import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Fault(StrEnum):
    """What is wrong with a file."""

    CHANGED = "changed"
    TRUNCATED = "truncated"
    MISSING = "missing"
    STRAY = "stray"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Finding:
    """One fault: the file, what is wrong with it, and how to repair it.

    ``repair`` is a shell command, or empty; ``then`` a further one, to be run after the repairs of
    all findings.
    """

    path: Path | str
    fault: Fault
    repair: str
    then: str = ""


@dataclass(frozen=True)
class Wanted:
    """A file as it should be; a digest or size that is not known is empty or None."""

    path: Path
    md5: str = ""
    sha256: str = ""
    size: int | None = None


def remove(*paths: Path | str) -> str:
    """Return the shell command that removes files."""
    return "rm -f " + " ".join(shlex.quote(str(path)) for path in paths)


def copy(source: Path, target: Path) -> str:
    """Return the shell command that puts a copy in the place of a file.

    Not written into the old one: it may be a hard link of others, and read-only.
    """
    folder = "" if target.parent.exists() else f"mkdir -p {shlex.quote(str(target.parent))} && "
    return f"{folder}{remove(target)} && cp {shlex.quote(str(source))} {shlex.quote(str(target))}"
