"""A DVC project whose stages are a few lines of Python that keep journals, and its recorders."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.code_closure import ROOT
from tests.projects import runs, wait_until_recorded

DVC_YAML = """
stages:
  one:
    cmd: python work.py one
    deps: [work.py, data/raw]
    params: [a]
    outs: [one.txt]
  two:
    matrix:
      letter: [x, y]
    cmd: python work.py two@${item.letter}
    deps: [work.py, one.txt]
    params: [b]
    outs: ["two@${item.letter}.txt"]
"""

WORK = """
import sys, time
from pathlib import Path
from aislewatch.tracking.journal import stage_run

name = sys.argv[1]
with stage_run(name, {"a": 1, "model": {"input": "diff"}}) as journal:
    for epoch in range(3):
        journal.metrics({"val.loss": 1 / (epoch + 1)}, step=epoch)
    journal.metrics({})
    with journal.child("trial-0", "trial", {"lr": 0.1}) as trial:
        trial.metrics({"val.loss": 0.3})
    if name == "two@y" and Path("fail").exists():
        raise ValueError("as planned")
    hang = Path("hang")
    while hang.exists() and hang.read_text() == name:
        Path("hanging").touch()
        time.sleep(0.05)
    out = Path(name + ".txt")
    out.write_text(name + Path("params.yaml").read_text())
    journal.digest(out)
    journal.artifact(out)
"""


def enter_tracked(
    folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch, pipeline: str = DVC_YAML
) -> Path:
    """Make the project, committed, with an empty MLflow store, and go there.

    Stage ``two@y`` fails if there is a file ``fail``; the stage that a file ``hang`` names hangs
    while it is there, and says so by a file ``hanging``.
    """
    (folder / "data/raw").mkdir(parents=True)
    (folder / "data/raw/video.mp4").write_bytes(b"footage")
    (folder / "dvc.yaml").write_text(pipeline)
    (folder / "work.py").write_text(WORK)
    (folder / "params.yaml").write_text("a: 1\nb: {c: 2}\n")
    (folder / ".gitignore").write_text(".aislewatch\nmlflow.db\nmlartifacts\n")
    shutil.copy(store, folder)
    enter(folder, monkeypatch)
    for command in ("git init -q", "dvc init -q", "git add -A", "git commit -qm start"):
        subprocess.run(command.split(), check=True)
    return folder


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a project that :func:`enter_tracked` made, or to a copy of it."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


def recorders_of(project: Path) -> list[psutil.Process]:
    """Find the recorders that work in a project."""
    found = []
    for process in psutil.process_iter():
        try:
            if "aislewatch.recording" in process.cmdline() and process.cwd() == str(project):
                found.append(process)
        except psutil.Error:
            continue
    return found


def status_of_last(project: Path) -> tuple[str, str]:
    """Return how the newest pipeline ended, once it is recorded, and why MLflow says so."""
    wait_until_recorded(project)
    parent = runs(project, kind="pipeline")[-1]
    return parent.info.status, parent.data.tags["outcome"]
