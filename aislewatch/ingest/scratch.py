"""Makes the folders in which videos are worked on, and removes those of killed ingests."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Their names in a store: scratch-<process id of the ingest>-<its machine>-<random>.
_SCRATCH = "scratch-"

# Seconds after which another machine's folder in which nothing was begun is a killed ingest's: no
# video may take as long. Whether that machine's process lives cannot be asked.
_FORGOTTEN_S = 24 * 3600


@contextmanager
def scratch_folder(store: Path) -> Iterator[Path]:
    """Make a folder on the store's file system; first remove those of killed ingests."""
    store.mkdir(parents=True, exist_ok=True)
    for left in store.glob(f"{_SCRATCH}*"):
        if not _is_used(left):
            shutil.rmtree(left, ignore_errors=True)
    scratch = tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-{_machine()}-", dir=store)
    try:
        yield Path(scratch)
    finally:
        # After an error, threads may be removing their own folders in it.
        shutil.rmtree(scratch, ignore_errors=True)


def _is_used(folder: Path) -> bool:
    pid, _, of_whom = folder.name.removeprefix(_SCRATCH).partition("-")
    if of_whom.startswith(f"{_machine()}-"):
        return Path("/proc", pid).exists()
    try:
        return time.time() - folder.stat().st_mtime < _FORGOTTEN_S
    except FileNotFoundError:
        return False


def _machine() -> str:
    return socket.gethostname().replace("/", "_")
