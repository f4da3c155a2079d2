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

# Bytes by whose zeros UTF-16 without a mark is told: the header of a table.
_LOOKED_AT = 64


def list_files(raw: Path, source: str, *suffixes: str) -> list[Path]:
    """List the files below a source's folder with these suffixes, sorted, without hidden ones.

    Links to folders are not followed. A suffix is in lower case, with its dot.
    """
    return sorted(path for path in _walk(raw / source) if path.suffix.lower() in suffixes)


def find_file(folder: Path, name: str) -> Path | None:
    """Find a file of this name in a folder, in whatever case it is written; None where none is.

    Args:
        name: in lower case; a file that is named exactly so goes before others.
    """
    if os.path.lexists(folder / name):
        return folder / name
    alike = sorted(path for path in folder.glob("*") if path.name.lower() == name)
    return alike[0] if alike else None


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
    """Return a label file's bytes, or why it cannot be read."""
    try:
        with open_file(path) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        return unreadable(path, error)
    if len(content) > MOST_BYTES:
        fault = f"has more than {MOST_BYTES >> 20} MiB"
        return malformed(path, None, fault, "split it, or keep only the labels in it")
    return content


def read_text(path: Path, remedy: str) -> str | Problem:
    """Read a text in UTF-8, UTF-16 or, with a byte order mark, UTF-32; or say why it is none.

    Args:
        remedy: what to do with a file in another encoding.
    """
    content = read_file(path)
    if isinstance(content, Problem):
        return content
    try:
        return text_of(content)
    except UnicodeDecodeError as error:
        row = error.object.count(b"\n", 0, error.start) + 1
        fault = f"cannot be read as UTF-8 text: {error.reason} 0x{error.object[error.start]:02x}"
        return malformed(path, row, fault, remedy)


def text_of(content: bytes, errors: str = "strict") -> str:
    """Decode a text; ``errors`` says what to do with what is none, as ``bytes.decode`` has it.

    Raises:
        UnicodeDecodeError: it is in neither UTF-8 nor UTF-16, and ``errors`` is ``strict``.
    """
    return content.decode(_encoding(content[:_LOOKED_AT]), errors)


def read_lines(path: Path) -> list[tuple[int, str]] | Problem:
    """Read the lines of a text that are not blank, stripped, with their number.

    Any line ends are accepted, and what ``read_text`` does.
    """
    text = read_text(path, "save it as UTF-8 text")
    if isinstance(text, Problem):
        return text
    # Not splitlines, which counts a form feed as a line's end; editors do not.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(row, line.strip()) for row, line in enumerate(lines, start=1) if line.strip()]


def unreadable(path: Path, error: OSError) -> Problem:
    """Report a file that cannot be opened: gone, not permitted, or no regular file."""
    fault = f"cannot be read: {error.strerror or error}"
    if path.is_symlink():
        fault = "is a link, which may lead out of the source's folder"
    return malformed(path, None, fault, "put a readable file in its place")


def malformed(path: Path, row: int | None, fault: str, remedy: str) -> Problem:
    """Report a fault of a label file as such, which concerns no single video."""
    return Problem(path.as_posix(), row, "", "error", "malformed", fault, remedy)


def _encoding(head: bytes) -> str:
    """Tell a text's encoding by its byte order mark, or by the zero bytes of UTF-16."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for zeros, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 3 and not any(head[zeros::2]) and all(head[1 - zeros :: 2]):
            return name
    return "utf-8-sig"


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent) / name for name in files if not name.startswith("."))
