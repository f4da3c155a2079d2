"""What hostile footage reaches for: a file outside the source folder, an address to call."""

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.seeds import make_small

# In the canary's text; it must never show up in a verdict.
MARKER = "canary-7f3a91"

# The canary is of one grey: this in RGB, that as luminance; no test picture is, over a whole frame.
CANARY_GREY, CANARY_LUMA = 201, 189

# inotify(7): a file was read, or opened.
_IN_ACCESS, _IN_OPEN = 0x1, 0x20


@dataclass(frozen=True)
class Traps:
    """Armed traps.

    ``video`` and ``text`` lie in a folder outside the sources; ``port`` of 127.0.0.1 listens
    for TCP.
    """

    video: Path
    text: Path
    port: int
    _listener: socket.socket
    _watch: int

    def sprung(self) -> list[str]:
        """What was touched since the last call."""
        touched = []
        for attempt, words in (
            (self._listener.accept, "a connection to the listener"),
            (lambda: os.read(self._watch, 1 << 16), "a file outside the source was opened"),
        ):
            try:
                attempt()
            except BlockingIOError:
                continue
            touched.append(words)
        return touched


@contextmanager
def set_traps(folder: Path) -> Iterator[Traps]:
    """Lay the canaries into ``folder`` and listen."""
    folder.mkdir(parents=True)
    video, text = folder / "canary.ts", folder / "canary.txt"
    picture = f"color=c=0x{CANARY_GREY:02x}{CANARY_GREY:02x}{CANARY_GREY:02x}"
    make_small(video, "-c:v", "mpeg2video", "-r", "25", picture=picture)
    text.write_text(f"{MARKER}\n" * 100)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        watch = _watch(folder)
        try:
            yield Traps(video, text, listener.getsockname()[1], listener, watch)
        finally:
            os.close(watch)


def _watch(folder: Path) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_ACCESS | _IN_OPEN) < 0:
        raise OSError(ctypes.get_errno(), "cannot watch a folder")
    return descriptor
