"""Opens label files of a source: regular files in its folder, and nothing a link leads to."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aislewatch.labels.problems import Problem

# Bytes of a label file that is read as a whole. A parsed JSON takes some ten times its bytes; an
# interval takes some 200, so that a million of them fit.
MOST_BYTES = 256 << 20


def list_files(raw: Path, source: str, suffix: str) -> list[Path]:
    """Files below a source's folder with this suffix, sorted; hidden ones are left out.

    Links to folders are not followed. ``suffix`` is lower case, with its dot.
    """
    return sorted(path for path in _walk(raw / source) if path.suffix.lower() == suffix)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading; a link, a pipe or a device is refused, never waited for.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    # Without O_NONBLOCK the open itself would wait for a pipe's writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("no regular file")
    return os.fdopen(descriptor, "rb")


def read_file(path: Path) -> bytes | Problem:
    """A label file's bytes, or why it cannot be read."""
    try:
        with open_file(path) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        return unreadable(path, error)
    if len(content) > MOST_BYTES:
        fault = f"has more than {MOST_BYTES >> 20} MiB"
        return malformed(path, None, fault, "split it, or keep only the labels in it")
    return content


def read_lines(path: Path) -> list[tuple[int, str]] | Problem:
    """The lines of a text that are not blank, stripped, with their number; or why there are none.

    Any line ends and a byte order mark are accepted.
    """
    content = read_file(path)
    if isinstance(content, Problem):
        return content
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        fault = f"cannot be read: {error.reason}"
        return malformed(path, row, fault, "save it as UTF-8 text")
    # Not splitlines, which counts a form feed as a line's end; editors do not.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(row, line.strip()) for row, line in enumerate(lines, start=1) if line.strip()]


def unreadable(path: Path, error: OSError) -> Problem:
    """A file that cannot be opened: gone, not permitted, or no regular file."""
    fault = f"cannot be read: {error.strerror or error}"
    if path.is_symlink():
        fault = "is a link, which may lead out of the source's folder"
    return malformed(path, None, fault, "put a readable file in its place")


def malformed(path: Path, row: int | None, fault: str, remedy: str) -> Problem:
    """A fault of a label file as such, which concerns no single video."""
    return Problem(path.as_posix(), row, "", "error", "malformed", fault, remedy)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent) / name for name in files if not name.startswith("."))
