"""Finds which pipeline execution a stage belongs to, and starts its recorder.

An execution is one command: a flow (it hands its folder down in ``AISLEWATCH_EXECUTION``), a
``dvc`` process among the stage's ancestors, or the stage itself when it was started by hand.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock, Timeout

from aislewatch.alive import still_runs
from aislewatch.files import whole_file
from aislewatch.tracking.beginning import git_state, keep_beginning
from aislewatch.tracking.filenames import CLOSED, EXECUTION, FINISH, RECORDING
from aislewatch.tracking.provenance import LOCK

WORK = Path(".aislewatch")
RUNS = WORK / "runs"
EXECUTION_VARIABLE = "AISLEWATCH_EXECUTION"

# Seconds that a recorder waits for another of the same execution: that one has only looked into it,
# or works on it, and then this one is not needed.
HANDOVER_S = 20.0

# What a command is: ``stage`` is one that a person started by hand.
Kind = Literal["dvc", "flow", "stage"]


def find_or_make_execution() -> Path:
    """Find the execution this process belongs to, or begin it; see that somebody records it."""
    given = os.environ.get(EXECUTION_VARIABLE)
    if given:
        see_to_recorder(Path(given))
        return Path(given)
    dvc = dvc_ancestor()
    return make_execution(dvc, "dvc") if dvc else make_execution(psutil.Process(), "stage")


def make_execution(process: psutil.Process, kind: Kind) -> Path:
    """Begin the execution that lives as long as ``process``; its maker starts the recorder."""
    started = process.create_time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(started))
    folder = (RUNS / f"{stamp}-{process.pid}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / EXECUTION).exists():
        for earlier in RUNS.resolve().glob(f"*/{EXECUTION}"):
            keep_lock(earlier.parent)
        keep_beginning(folder)
        facts = {
            # The folder's name is unique on this machine; others may log to the same store.
            "identity": uuid.uuid4().hex,
            "kind": kind,
            "pid": process.pid,
            "pid_started": started,
            "command": process.cmdline(),
            "started": time.time(),
            "git": git_state(),
        }
        _write_once(folder / EXECUTION, facts)
    see_to_recorder(folder)
    return folder


def keep_lock(folder: Path) -> None:
    """Copy dvc.lock as an execution left it, once it is over and before the next one writes it.

    The copy has the original's time: dvc writes the file when it takes over a stage's outputs. The
    recorder does this; where that was killed or is late, the next command's first stage does.
    """
    kept = folder / LOCK
    if LOCK.exists() and not kept.exists() and not (folder / CLOSED).exists() and is_over(folder):
        with whole_file(kept) as temporary:
            shutil.copyfile(LOCK, temporary)
            times = LOCK.stat()
            os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))


def is_over(folder: Path) -> bool:
    """Say whether the command behind an execution has ended or said that it is done."""
    return (folder / FINISH).exists() or not is_alive(folder)


def is_alive(folder: Path) -> bool:
    """Say whether an execution's own process runs; a later one with its number does not count."""
    try:
        facts = read_execution(folder)
    except (FileNotFoundError, ValueError):
        # Nobody says which process it is; one that never ends is better than one that ends early.
        return True
    return still_runs(facts["pid"], facts["pid_started"])


def read_execution(folder: Path) -> dict[str, Any]:
    """Read who and what an execution is, as ``make_execution`` wrote it."""
    facts: dict[str, Any] = json.loads((folder / EXECUTION).read_text())
    return facts


def recording(folder: Path, wait_s: float = 0.0) -> FileLock:
    """Make the lock that an execution's recorder holds while it works."""
    return FileLock(folder / RECORDING, timeout=wait_s)


def alone(folder: Path, work: Callable[[], None], wait_s: float = 0.0) -> bool:
    """Do some work on an execution unless its recorder works; say whether it was done."""
    try:
        with recording(folder, wait_s):
            if not (folder / CLOSED).exists():
                work()
            return True
    except Timeout:
        return False


def see_to_recorder(folder: Path) -> None:
    """Start an execution's recorder unless one works or has finished.

    In a session of its own, so that it outlives the command it records.
    """
    if (folder / CLOSED).exists() or not (folder / EXECUTION).exists():
        return
    try:
        with recording(folder):
            pass
    except Timeout:
        return
    with (folder / "recorder.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "aislewatch.recording", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def dvc_ancestor() -> psutil.Process | None:
    """Find the ``dvc`` command that started this process; the outermost of several."""
    found = None
    for process in psutil.Process().parents():
        names = [Path(word).name for word in process.cmdline()[:3]]
        if "dvc" in names:
            found = process
    return found


def _write_once(file: Path, facts: dict[str, Any]) -> None:
    """Write a file whole, unless another process was first."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    with os.fdopen(descriptor, "w") as temporary:
        json.dump(facts, temporary)
    with suppress(FileExistsError):
        os.link(name, file)
    Path(name).unlink()
