"""The guard queues on a lock, says so, and gives up waiting when nobody waits for it any more."""

import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from tests.code_closure import ROOT


def guard(lock: Path, parent: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows.guard", str(parent), str(lock), "echo", "it ran"]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_command_waits_for_the_one_that_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    with FileLock(lock):
        waiting = guard(lock, os.getpid())
        assert waiting.stdout is not None
        said = waiting.stdout.readline()
        assert said == f"waiting for the DVC command that holds {lock}\n"
        assert waiting.poll() is None
    assert waiting.communicate(timeout=30)[0] == "it ran\n"
    assert waiting.returncode == 0


def test_a_waiting_command_ends_with_who_started_it(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    with FileLock(lock):
        # Its parent is this process, so any other number is that of one that is gone.
        output, _ = (orphan := guard(lock, os.getpid() + 1)).communicate(timeout=30)
    assert "the process that started this command is gone" in output
    assert "it ran" not in output
    assert orphan.returncode == 1
