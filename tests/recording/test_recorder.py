"""Real pipelines whose surroundings change, die or are away: what MLflow has in the end."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.projects import mlflow_client, run, runs
from tests.tiny_pipelines import wait_for
from tests.tracked_project import enter_tracked, recorders_of, status_of_last


@pytest.fixture
def project(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter_tracked(tmp_path / "a project", empty_store, monkeypatch)


def start_and_hang(stage: str) -> "subprocess.Popen[bytes]":
    """``dvc repro``, until this stage hangs."""
    Path("hanging").unlink(missing_ok=True)
    Path("hang").write_text(stage)
    started = subprocess.Popen(["dvc", "repro"], stdout=subprocess.DEVNULL)
    wait_for(Path("hanging"))
    return started


def test_what_changes_meanwhile_does_not_count(project: Path) -> None:
    """Code of a cached stage is edited, parameters are, and dvc.lock is checked out."""
    run(project, "dvc", "repro")
    run(project, "git", "add", "dvc.lock")
    run(project, "git", "commit", "-qm", "first")
    (project / "data/raw/more.mp4").write_bytes(b"more")
    run(project, "dvc", "repro")
    (project / "params.yaml").write_text("a: 1\nb: {c: 3}\n")
    started = start_and_hang("two@y")
    with (project / "work.py").open("a") as code:
        code.write("# edited while the pipeline runs\n")
    (project / "params.yaml").write_text("a: 2\nb: {c: 4}\n")
    subprocess.run(["git", "checkout", "-q", "dvc.lock"], check=True)
    (project / "hang").unlink()
    assert started.wait() == 0
    assert status_of_last(project) == ("FINISHED", "2 stage(s) ran, 1 cached")
    parent = runs(project, kind="pipeline")[-1]
    kept = mlflow_client(project).download_artifacts(parent.info.run_id, "provenance/params.yaml")
    assert Path(kept).read_text() == "a: 1\nb: {c: 3}\n"


@pytest.mark.parametrize("recorder_dies", [True, False])
def test_a_killed_dvc_whose_orphan_finishes_is_not_finished(
    project: Path, recorder_dies: bool
) -> None:
    started = start_and_hang("two@y")
    if recorder_dies:
        for recorder in recorders_of(project):
            recorder.kill()
    started.kill()
    started.wait()
    (project / "hang").unlink()
    wait_for(project / "two@y.txt")
    run(project, "python", "work.py", "two@y")  # the next command, by hand
    statuses = [parent.info.status for parent in runs(project, kind="pipeline")]
    assert statuses == ["KILLED", "FINISHED"]


def test_dvc_killed_while_it_takes_over_is_not_finished(project: Path) -> None:
    """The stage has ended well, but dvc.lock does not say so: the next command makes it again."""
    run(project, "dvc", "repro")
    execution = min(project.glob(".aislewatch/runs/*"))
    lock = execution / "dvc.lock"
    earlier = lock.stat().st_mtime_ns - 60 * 10**9
    os.utime(lock, ns=(earlier, earlier))
    (execution / "closed.json").unlink()
    run(project, "python", "work.py", "one")
    killed = runs(project, kind="pipeline")[0]
    assert killed.info.status == "KILLED"
    assert killed.data.tags["outcome"].endswith("took over the outputs of: one, two@x, two@y")


def test_a_recorder_that_died_is_started_again_by_the_next_stage(project: Path) -> None:
    started = start_and_hang("one")
    [recorder] = recorders_of(project)
    recorder.kill()
    # Its parent, the stage, hangs and does not fetch its status.
    wait_until(lambda: recorder.status() == psutil.STATUS_ZOMBIE)
    (project / "hang").unlink()
    assert started.wait() == 0
    assert status_of_last(project) == ("FINISHED", "3 stage(s) ran, 0 cached")
    [one] = runs(project, kind="stage", stage="one")
    assert len(mlflow_client(project).get_metric_history(one.info.run_id, "val.loss")) == 3


def test_a_server_that_is_away_stops_no_stage_and_loses_nothing(project: Path) -> None:
    """The stages do not wait; a later command, at a store that answers, records both."""
    began = time.monotonic()
    env = os.environ | {"MLFLOW_TRACKING_URI": "http://ann:s3cret@127.0.0.1:9"}
    subprocess.run(["dvc", "repro"], check=True, env=env)
    print(f"dvc repro without a server: {time.monotonic() - began:.1f} s")
    [log] = project.glob(".aislewatch/runs/*/recorder.log")
    wait_until(lambda: "cannot be used" in log.read_text())
    assert "s3cret" not in log.read_text()
    assert "Traceback" not in log.read_text()
    run(project, "dvc", "repro", "-f", "-s", "one")
    first, second = runs(project, kind="pipeline")
    assert (first.info.status, second.info.status) == ("FINISHED", "FINISHED")
    assert len(runs(project, kind="stage")) == 4


def wait_until(is_so: Callable[[], bool], timeout_s: float = 300.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_copy_of_a_project_records_with_its_own_files(project: Path, tmp_path: Path) -> None:
    """As it is copied, an execution is not recorded yet."""
    env = os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    subprocess.run(["dvc", "repro", "one"], check=True, env=env)
    for recorder in recorders_of(project):
        recorder.kill()
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, symlinks=True)
    (project / "one.txt").write_text("changed in the original")
    run(copy, "dvc", "repro")
    [one] = runs(copy, kind="stage", stage="one")
    [artifact] = mlflow_client(copy).list_artifacts(one.info.run_id)
    assert artifact.path == "one.txt"
    assert len(list(copy.glob("mlartifacts/*/artifacts/one.txt"))) == 1


def replayed(folder: Path) -> None:
    """Record an execution's journals in a process of its own."""
    code = (
        "import sys; from pathlib import Path; from aislewatch.recording.replay import Replay\n"
        "Replay(Path(sys.argv[1])).advance()"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def line(kind: str, run_path: str = "", **fields: object) -> bytes:
    return json.dumps({"kind": kind, "run": run_path, "time": 1e9, **fields}).encode() + b"\n"


def test_a_journal_with_torn_lines_is_replayed_up_to_and_after_them(project: Path) -> None:
    folder = project / ".aislewatch/runs/20260101-000000-1"
    folder.mkdir(parents=True)
    facts = {"identity": "x", "pid": 1, "pid_started": 0.0, "command": ["x"], "started": 1e9}
    (folder / "execution.json").write_text(json.dumps(facts | {"git": {}}))
    start = line("start", name="one", type="stage", parent=None, pid=1)
    metric = [line("metrics", values={f"m{n}": float(n)}, step=0) for n in range(5)]
    torn = metric[1][:-20]
    child = line("start", "/t", name="t", type="trial", parent="", pid=1)
    (folder / "one.0.jsonl").write_bytes(
        start + metric[0] + torn + metric[2] + b"\0\0\xff\n[1]\n" + metric[3] + metric[4][:-9]
    )
    # Its start is what was torn; then a parameter that MLflow refuses, as it has another value.
    (folder / "two.0.jsonl").write_bytes(
        start[:-8]
        + b"\n"
        + line("params", values={"p": 1})
        + line("params", values={"p": 2})
        + child[:-3]
        + b"\n"
        + line("metrics", "/t", values={"m": 2.0}, step=0)
        + line("end", status="FINISHED", error="")
    )
    replayed(folder)
    [one] = runs(project, stage="one")
    assert one.data.metrics == {"m0": 0.0, "m2": 2.0, "m3": 3.0}
    two, trial = sorted(runs(project, stage="two"), key=lambda r: r.data.tags["kind"])
    assert two.info.status == "FINISHED"
    assert two.data.params == {"p": "1"}
    assert trial.data.metrics == {"m": 2.0}
    assert trial.data.tags["mlflow.parentRunId"] == two.info.run_id
    [parent] = runs(project, kind="pipeline")
    assert parent.data.tags["journal_torn.one.0"].startswith("3 line(s)")
    assert parent.data.tags["not_recorded.two.0"].startswith("params: ")


def test_a_stage_by_hand_ends_well(project: Path) -> None:
    run(project, "python", "work.py", "one")
    assert status_of_last(project) == ("FINISHED", "1 stage(s) ran, 0 cached")


def test_a_recorder_ends_when_its_project_is_deleted(tmp_path: Path) -> None:
    """Nobody could end it: without its execution's file it would have waited for ever."""
    (tmp_path / "run").mkdir()
    waiting = "from aislewatch.recording.__main__ import _keep_lock_at_the_end as wait\n"
    code = f"{waiting}from pathlib import Path\nwait(Path({str(tmp_path / 'run')!r}))"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == 0
    assert not list((tmp_path / "run").iterdir())
