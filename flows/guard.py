"""Run one DVC command under the pipeline's lock, and let nothing of it outlive its parent.

``python -m flows.guard PARENT_PID LOCK COMMAND...``

Two facts about DVC make this necessary, both tried on 3.67:

* two DVC commands at once do not wait for each other but fail ("is busy, it is being blocked
  by"), whatever ``--wait-for-lock`` says; so they queue here, on a lock of ours;
* when ``dvc`` alone is killed, the stage it started goes on writing as an orphan, and DVC later
  takes the half-written file for up to date; so everything below is ended together.

The guard is a process of its own because a flow that is killed with SIGKILL cannot clean up. It
looks for its parent instead of asking for PR_SET_PDEATHSIG: that signal reaches a single process,
is sent when the parent's *thread* ends, and exists on Linux only.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NoReturn

import psutil
from filelock import FileLock, Timeout

# Seconds between two looks at parent, child and lock: the longest a finished stage waits for us.
POLL_S = 0.05

# Seconds from SIGTERM to SIGKILL: a stage removes its temporary files in well under one, and
# Prefect's worker kills a cancelled flow, which waits for us, 30 s after asking it to end.
GRACE_S = 8.0

ORPHANED = "the process that started this command is gone: ending it"

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

# From linux/prctl.h: orphans of ours become our children, where we can find and end them.
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the command and exit with its status; 128 + the signal's number if a signal ended it."""
    parent, lock, *command = sys.argv[1:]
    for number in _ENDING:
        signal.signal(number, _leave)
    _adopt_orphans()
    # The guard is the last of its processes to go, so nobody starts too early.
    with _locked(Path(lock), int(parent)):
        sys.exit(_run(command, int(parent)))


def _run(command: list[str], parent: int) -> int:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            _check_parent(parent)
            time.sleep(POLL_S)
        status = process.returncode
        return status if status >= 0 else 128 - status
    finally:
        _end_descendants()


def _locked(path: Path, parent: int) -> AbstractContextManager[FileLock]:
    """Take the lock, however long another holds it; a holder that is killed leaves it free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, poll_interval=POLL_S)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for the DVC command that holds {path}", flush=True)
    try:
        return lock.acquire(cancel_check=lambda: os.getppid() != parent)
    except Timeout:
        sys.exit(ORPHANED)


def _check_parent(parent: int) -> None:
    if os.getppid() != parent:
        sys.exit(ORPHANED)


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants() -> None:
    """Send SIGTERM, then SIGKILL, to every process below, those in groups of their own included."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        below = psutil.Process().children(recursive=True)
        for process in below:
            with suppress(psutil.NoSuchProcess):
                end(process)
        psutil.wait_procs(below, timeout=GRACE_S)


if __name__ == "__main__":
    main()
