"""Leases: who lives is told by a lock of the kernel, not by a heartbeat.

A run's process and a worker hold an exclusive lock on a file of their own for as long as they
live. The kernel frees it however they die; no clock, load or process number can make it lie. All
processes that share a folder of leases run on one host: the lock is seen through containers, not
through NFS.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aislewatch.errors import PipelineError
from aislewatch.tables import places

# Tells a run's processes the folder, wherever they work: a retraining works in a worktree.
VARIABLE = "AISLEWATCH_LEASES"

# Tells a run's process the lease of the worker that starts it.
WORKER = "AISLEWATCH_WORKER"

# Who looks at a lease holds a shared lock for under a millisecond; seconds until that is no look.
TAKE_S = 2.0

_SUFFIX = ".lease"
_EXECUTION = ".execution"
_END = ".end"
_WORKER = "worker "


@dataclass(frozen=True)
class Lease:
    """What one lease says.

    Args:
        name: a flow run's id, ``reaper``, or a worker's by ``worker_lease``.
        held: whether the process that took it lives.
        pid: its number, in its own container.
        began: when it took the lease, in seconds since the machine's boot (CLOCK_BOOTTIME, which no
            change of the clock moves).
    """

    name: str
    held: bool
    pid: int
    began: float

    @property
    def age_s(self) -> float:
        """Return the seconds since the lease was taken."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.began


def folder() -> Path:
    """Return the folder of leases of the project that is the working directory."""
    return Path(os.environ.get(VARIABLE) or places.WORK / "leases").resolve()


def touched(name: str) -> float:
    """Return when a lease's file was last changed or touched, as `time.time` has it."""
    return (folder() / f"{name}{_SUFFIX}").stat().st_mtime


def worker_lease(pool: str, worker: str) -> str:
    """Return the name of a worker's lease."""
    return f"{_WORKER}{quote(pool, safe='')} {quote(worker, safe='')}"


def hold(name: str) -> int:
    """Take a lease for the life of this process and of those that are given its descriptor.

    Returns:
        The descriptor; it survives ``exec``, and children get it only if they are given it.

    Raises:
        PipelineError: another living process holds it.
    """
    path = folder() / f"{name}{_SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(path)
    facts = {"pid": os.getpid(), "began": time.clock_gettime(time.CLOCK_BOOTTIME)}
    os.truncate(descriptor, 0)
    os.write(descriptor, json.dumps(facts).encode())
    os.set_inheritable(descriptor, True)
    return descriptor


def _lock(path: Path) -> int:
    give_up = time.monotonic() + TAKE_S
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Removed meanwhile, as the lease of an ended run is: nobody would see this lock.
            if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except BlockingIOError:
            if time.monotonic() > give_up:
                os.close(descriptor)
                raise PipelineError(
                    f"another process holds {path}: `fuser {path}` says which; end it first"
                ) from None
        os.close(descriptor)
        time.sleep(0.02)


def read_lease(name: str) -> Lease | None:
    """Read a lease; None if nobody ever took it."""
    try:
        with (folder() / f"{name}{_SUFFIX}").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                held = False
            except BlockingIOError:
                held = True
            return Lease(name, held, *_facts(file.read()))
    except (FileNotFoundError, ValueError):
        return None


def all_leases() -> list[Lease]:
    """Read every lease of the folder, by name."""
    names = sorted(path.name.removesuffix(_SUFFIX) for path in folder().glob(f"*{_SUFFIX}"))
    return [lease for name in names if (lease := read_lease(name))]


def workers(pool: str) -> dict[str, Lease]:
    """Find the leases of a pool's workers, living and dead, by the worker's quoted name."""
    prefix = worker_lease(pool, "")
    return {
        lease.name.removeprefix(prefix): lease
        for lease in all_leases()
        if lease.name.startswith(prefix)
    }


def run_leases() -> Iterator[Lease]:
    """Find the leases that are runs', living and dead."""
    return (lease for lease in all_leases() if len(lease.name) == 36 and " " not in lease.name)


def remove(seen: Lease) -> None:
    """Remove a dead lease, unless somebody took it again since it was seen."""
    path = folder() / f"{seen.name}{_SUFFIX}"
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _facts(file.read()) == (seen.pid, seen.began):
                for beside in (_EXECUTION, _END):
                    path.with_suffix(beside).unlink(missing_ok=True)
                path.unlink()
    except (FileNotFoundError, BlockingIOError):
        return


def ask_end(run: str) -> bool:
    """Ask a run's worker, which can reach its process, to end it; False: it was asked."""
    asked = folder() / f"{run}{_END}"
    if asked.exists():
        return False
    asked.touch()
    return True


def asked_to_end() -> dict[int, float]:
    """Return the process of each living run that was asked to end, and how many seconds ago."""
    asked = {path.stem: time.time() - path.stat().st_mtime for path in folder().glob(f"*{_END}")}
    found = {run: read_lease(run) for run in asked}
    return {lease.pid: asked[run] for run, lease in found.items() if lease and lease.held}


def _facts(text: str) -> tuple[int, float]:
    # Empty for a moment while it is taken, or for ever by a death in that moment.
    facts = json.loads(text or "{}")
    return facts.get("pid", 0), facts.get("began", float("inf"))


def tell_execution(execution: Path) -> None:
    """Write beside this run's lease which execution it records, for who must close that."""
    run, there = os.environ.get("PREFECT__FLOW_RUN_ID"), os.environ.get(VARIABLE)
    if run and there:
        (Path(there) / f"{run}{_EXECUTION}").write_text(str(execution))


def told_execution(run: str) -> Path | None:
    """Read which execution a run recorded; None if it got to none, or that is gone."""
    told = folder() / f"{run}{_EXECUTION}"
    execution = Path(told.read_text()) if told.exists() else None
    return execution if execution and execution.is_dir() else None
