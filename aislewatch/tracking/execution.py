"""Which pipeline execution a stage belongs to, and who records it.

An execution is one command: a flow (it hands its folder down in ``AISLEWATCH_EXECUTION``), a
``dvc`` process among the stage's ancestors, or the stage itself when it was started by hand.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from aislewatch.tracking.state import EXECUTION

WORK = Path(".aislewatch")
RUNS = WORK / "runs"
EXECUTION_VARIABLE = "AISLEWATCH_EXECUTION"

# Two readings of one process' start time differ by rounding only; a reused pid differs by seconds.
START_TIME_TOLERANCE_S = 0.5


def find_or_make_execution() -> Path:
    """Folder of the execution this process belongs to; made, with its recorder, when it is new."""
    given = os.environ.get(EXECUTION_VARIABLE)
    if given:
        return Path(given)
    return make_execution(_dvc_ancestor() or psutil.Process())


def make_execution(process: psutil.Process) -> Path:
    """Folder of the execution that lives as long as ``process``; its maker starts the recorder."""
    started = process.create_time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(started))
    folder = (RUNS / f"{stamp}-{process.pid}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "pid": process.pid,
        "pid_started": started,
        "command": process.cmdline(),
        "started": time.time(),
        "git": git_state(),
    }
    try:
        with (folder / EXECUTION).open("x") as file:
            json.dump(facts, file)
    except FileExistsError:
        return folder
    start_recorder(folder)
    return folder


def start_recorder(folder: Path) -> None:
    """Start the recorder in a session of its own, so that it outlives the command it records."""
    with (folder / "recorder.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "aislewatch.tracking.recorder", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def is_alive(pid: int, started: float) -> bool:
    """Whether that very process (not a later one with its number) still runs."""
    try:
        process = psutil.Process(pid)
        same = bool(abs(process.create_time() - started) < START_TIME_TOLERANCE_S)
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def git_state() -> dict[str, Any]:
    """Commit, branch and dirtiness of the working tree; empty where git or a commit is missing."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {
        "commit": commit,
        "branch": _git("rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _dvc_ancestor() -> psutil.Process | None:
    found = None
    for process in psutil.Process().parents():
        names = [Path(word).name for word in process.cmdline()[:3]]
        if "dvc" in names:
            found = process
    return found
