"""Things in a source folder that are no ordinary file, and names that no one would choose."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.patching import box
from tests.fuzz.traps import Traps

# Bytes a sparse file claims: read at memory speed it would take minutes.
SPARSE_BYTES = 1 << 40

# On a POSIX file system a name may hold every byte but / and NUL.
NAMES = {
    "newline": b"a\nb.mp4",
    "carriage return": b"a\rb.mp4",
    "quotes": b"a\"b'c.mp4",
    "comma": b"a,b;c.mp4",
    "formula": b"=1+1.mp4",
    "leading dash": b"-i.mp4",
    "protocol": b"http:a.mp4",
    "two protocols": b"concat:a|b.mp4",
    "pattern": b"%03d.mp4",
    "glob": b"[a]*?.mp4",
    "escape sequence": b"\x1b[31m\x07.mp4",
    "right to left": "\u202egp4.mp4".encode(),
    "emoji": "\U0001f3a5.mp4".encode(),
    "spaces": b" a  b .mp4",
    "backslash": b"a\\nb.mp4",
    "255 bytes": b"a" * 251 + b".mp4",
    "no suffix": b"video",
    "dollar": b"$(reboot)`id`.mp4",
}


def write_named(kind: str, folder: Path, content: bytes) -> Path:
    """A whole video under an odd name; a further box makes it unlike all others."""
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + NAMES[kind]))
    path.write_bytes(content + box(b"free", kind.encode()))
    return path


def symlink_to_file(folder: Path, traps: Traps) -> None:
    (folder / "a.mp4").symlink_to(traps.video)


def symlink_to_folder(folder: Path, traps: Traps) -> None:
    (folder / "a").symlink_to(traps.video.parent)


def symlink_dangling(folder: Path, traps: Traps) -> None:
    (folder / "a.mp4").symlink_to(folder / "nothing")


def symlink_to_itself(folder: Path, traps: Traps) -> None:
    (folder / "a.mp4").symlink_to("a.mp4")


def symlink_to_root(folder: Path, traps: Traps) -> None:
    (folder / "a.mp4").symlink_to("/")


def pipe(folder: Path, traps: Traps) -> None:
    os.mkfifo(folder / "a.mp4")


def unix_socket(folder: Path, traps: Traps) -> None:
    here = Path.cwd()
    os.chdir(folder)  # A socket's path may have 107 bytes.
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("a.mp4")
    finally:
        os.chdir(here)


def device(folder: Path, traps: Traps) -> None:
    """``/dev/zero`` under a video's name, where we may make one; else a pipe."""
    try:
        os.mknod(folder / "a.mp4", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(folder / "a.mp4")


def sparse(folder: Path, traps: Traps) -> None:
    with (folder / "a.mp4").open("wb") as file:
        file.truncate(SPARSE_BYTES)


def not_utf8(folder: Path, traps: Traps) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.mp4")).write_bytes(b"x")


def too_deep(folder: Path, traps: Traps) -> None:
    """A path longer than the system takes in one piece (4096 bytes)."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=descriptor)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)


Oddity = Callable[[Path, Traps], None]

# By kind, with the reason of the refusal.
ODDITIES: dict[str, tuple[Oddity, str]] = {
    "link to a file": (symlink_to_file, "symlink"),
    "link to a folder": (symlink_to_folder, "symlink"),
    "link to nothing": (symlink_dangling, "symlink"),
    "link to itself": (symlink_to_itself, "symlink"),
    "link to the root": (symlink_to_root, "symlink"),
    "pipe": (pipe, "not-a-regular-file"),
    "socket": (unix_socket, "not-a-regular-file"),
    "device": (device, "not-a-regular-file"),
    "name not UTF-8": (not_utf8, "unreadable"),
    "path of 5,000 bytes": (too_deep, "unreadable"),
    "sparse file of 1 TiB": (sparse, "timeout"),
}
