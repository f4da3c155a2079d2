"""Small DVC projects with shell stages, for what the flow does whatever the stages are."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.projects import environment

# Written out of order on purpose: the order must come from the graph, not from the file.
DIAMOND = """
stages:
  last:
    cmd: sh last.sh
    deps: [left.txt, right.txt, last.sh]
    outs: [last.txt]
    metrics: [score.json]
  side:
    matrix:
      name: [left, right]
    cmd: cp first.txt ${item.name}.txt
    deps: [first.txt]
    outs: ["${item.name}.txt"]
  first:
    cmd: sh first.sh
    deps: [in.txt, first.sh]
    outs: [first.txt]
"""
FIRST = "echo the first stage speaks\ncp in.txt first.txt\n"
LAST = """cat left.txt right.txt > last.txt; echo '{"score": {"auc": 0.75}}' > score.json\n"""
FAIL = "echo work begins\necho 'table.csv, row 3: no label; add one' >&2\nexit 1\n"
# One child in the stage's group, one that left it, as a decoder in its own group does.
HANG = "setsid sleep 600 &\necho hangs > hangs\nsleep 600\n"


def make_diamond(folder: Path, first: str = FIRST, last: str = LAST) -> Path:
    """Make a DVC project of four stages; the scripts of its first and last are given."""
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text("[core]\nanalytics = false\ncheck_update = false\n")
    (folder / ".dvc" / ".gitignore").write_text("/tmp\n/cache\n")
    (folder / "dvc.yaml").write_text(DIAMOND)
    (folder / "in.txt").write_text("footage\n")
    (folder / "first.sh").write_text(first)
    (folder / "last.sh").write_text(last)
    return folder


def dvc(folder: Path, *words: str) -> str:
    """Run DVC in the project; return its output."""
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=True
    ).stdout


def wait_for(path: Path, timeout_s: float = 300.0) -> None:
    """Wait until a file exists."""
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear in {timeout_s} s"
        time.sleep(0.1)


def processes_in(folder: Path) -> list[str]:
    """List command lines of the processes that work in ``folder``, without the recorder."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if process.cwd() == os.fspath(folder) and "aislewatch.recording" not in command:
                found.append(command)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until_idle(folder: Path, timeout_s: float = 120.0) -> list[str]:
    """Wait at most ``timeout_s``; return the processes that still work in ``folder``."""
    deadline = time.monotonic() + timeout_s
    while (found := processes_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
