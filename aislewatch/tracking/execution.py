"""Which pipeline execution a stage belongs to, and who records it.

An execution is one command: a flow (it hands its folder down in ``AISLEWATCH_EXECUTION``), a
``dvc`` process among the stage's ancestors, or the stage itself when it was started by hand.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import psutil

from aislewatch.files import whole_file
from aislewatch.tables import places
from aislewatch.tracking.provenance import LOCK, PARAMS
from aislewatch.tracking.state import CHANGES, CLOSED, EXECUTION, FINISH

RUNS = places.WORK / "runs"
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
        # The folder's name is unique on this machine; others may log to the same store.
        "identity": uuid.uuid4().hex,
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
    save_changes(folder / CHANGES)
    if PARAMS.exists():
        shutil.copyfile(PARAMS, folder / PARAMS)
    for earlier in RUNS.resolve().glob(f"*/{EXECUTION}"):
        if earlier.parent != folder:
            keep_lock(earlier.parent)
    start_recorder(folder)
    return folder


def keep_lock(folder: Path) -> None:
    """Copy dvc.lock as an execution left it, once it is over and before the next one writes it.

    Its recorder does so; where that was killed or is late, the next command's first stage does.
    """
    kept = folder / LOCK
    if LOCK.exists() and not kept.exists() and not (folder / CLOSED).exists() and is_over(folder):
        with whole_file(kept) as temporary:
            shutil.copyfile(LOCK, temporary)


def is_over(folder: Path) -> bool:
    """Whether the command behind an execution has ended or said that it is done."""
    if (folder / FINISH).exists():
        return True
    try:
        facts = json.loads((folder / EXECUTION).read_text())
    except ValueError:
        # Its first stage is writing it at this moment.
        return False
    return not is_alive(facts["pid"], facts["pid_started"])


def start_recorder(folder: Path) -> None:
    """Start the recorder in a session of its own, so that it outlives the command it records."""
    with (folder / "recorder.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "aislewatch.recording.recorder", str(folder)],
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


def save_changes(file: Path) -> None:
    """What the working tree differs by from its commit, as a patch; nothing where it does not.

    Without dvc.lock, which the command is about to write. Files that git does not track are not in
    it: code that counts is a dependency in dvc.yaml, whose hash would tell.
    """
    patch = _git("diff", "--binary", "HEAD", "--", ".", ":(exclude)dvc.lock", strip=False)
    if patch:
        file.write_text(patch, encoding="utf-8", errors="surrogateescape")


def git_state() -> dict[str, Any]:
    """Commit, branch and dirtiness of the working tree; empty where git or a commit is missing.

    ``branch`` is ``HEAD`` where none is checked out; ``shallow`` says that history is cut off.
    """
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {
        "commit": commit,
        "branch": _git("rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "shallow": _git("rev-parse", "--is-shallow-repository") == "true",
    }


def _git(*arguments: str, strip: bool = True) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        return None
    return done.stdout.strip() if strip else done.stdout


def _dvc_ancestor() -> psutil.Process | None:
    found = None
    for process in psutil.Process().parents():
        names = [Path(word).name for word in process.cmdline()[:3]]
        if "dvc" in names:
            found = process
    return found
