"""Draws conclusions from what was read: faults, and where a sound copy lies."""

import hashlib
import json
from collections.abc import Mapping, Set
from pathlib import Path

from aislewatch.findings import Fault, Finding, Wanted, copy, remove
from aislewatch.fsck.hashing import Digests


class ReadFiles:
    """Holds the digests of every file that was read; a file that is not among them does not exist.

    Args:
        digests: by path; None where a file could not be read.
        misplaced: files that are not to stay what or where they are: nothing is copied from them.
    """

    def __init__(self, digests: Mapping[Path, Digests | None], misplaced: Set[Path]) -> None:
        self._digests = digests
        self._copies: dict[str, Path] = {}
        for path, found in digests.items():
            for digest in (found.md5, found.sha256) if found and path not in misplaced else ():
                self._copies.setdefault(digest, path)

    def fault(self, wanted: Wanted) -> Fault | None:
        """Say what is wrong with a file; None if nothing is."""
        if wanted.path not in self._digests:
            return Fault.MISSING
        found = self._digests[wanted.path]
        if found is None:
            return Fault.UNREADABLE
        if wanted.md5 in ("", found.md5) and wanted.sha256 in ("", found.sha256):
            return None
        sound = self.copy_of(wanted)
        size = wanted.size if sound is None else self._size(sound)
        return Fault.TRUNCATED if size is not None and found.size < size else Fault.CHANGED

    def copy_of(self, wanted: Wanted) -> Path | None:
        """Find a file with the same bytes, wherever it lies."""
        return self._copies.get(wanted.md5) or self._copies.get(wanted.sha256)

    def finding(self, wanted: Wanted, then: str) -> Finding | None:
        """Return a fault and its repair: copy a sound file, or remove this one and run ``then``."""
        fault = self.fault(wanted)
        if fault is None:
            return None
        sound = self.copy_of(wanted)
        if sound is not None:
            return Finding(wanted.path, fault, copy(sound, wanted.path))
        repair = "" if fault is Fault.MISSING else remove(wanted.path)
        return Finding(wanted.path, fault, repair, then)

    def below(self, folder: Path) -> dict[str, Path]:
        """List every file that was read in a folder, by its path in it."""
        return {
            path.relative_to(folder).as_posix(): path
            for path in self._digests
            if path.is_relative_to(folder)
        }

    def folder_oid(self, folder: Path) -> str:
        """Compute DVC's name for a folder as it is: md5 of the list of its files, and ``.dir``."""
        listed = [
            {"md5": found.md5 if found else "", "relpath": name}
            for name, path in sorted(self.below(folder).items())
            for found in [self._digests[path]]
        ]
        text = json.dumps(listed, sort_keys=True)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"

    def listing(self, folder: Path) -> dict[str, str]:
        """Return the md5 of every readable file in a folder as it is, by its path in it."""
        return {
            name: found.md5
            for name, path in self.below(folder).items()
            if (found := self._digests[path])
        }

    def _size(self, path: Path) -> int:
        found = self._digests[path]
        assert found is not None
        return found.size
