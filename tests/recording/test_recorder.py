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

from tests.projects import mlflow_client, run, runs, wait_until_recorded
from tests.tiny_pipelines import wait_for
from tests.tracked_project import enter_tracked, recorders_of


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


def status_of_last(project: Path) -> tuple[str, str]:
    wait_until_recorded(project)
    parent = runs(project, kind="pipeline")[-1]
    return parent.info.status, parent.data.tags["outcome"]


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


def wait_until(is_so: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


# A stage that runs even where all others come from a cache, as the registration does.
WITH_OUTPUTS = """
stages:
  train:
    matrix:
      model: [cnn]
    cmd: python outputs.py
    deps: [outputs.py]
    params: [b, other.toml: [x]]
    outs: [models/cnn, data/best.json, reports/pictures]
    metrics: [metrics/train.json, metrics/evaluate.json]
    plots: [metrics/curve.csv]
  last:
    cmd: python work.py last
    always_changed: true
"""
OUTPUTS = """
import json
from pathlib import Path

for folder in ("models/cnn", "data", "reports/pictures", "metrics"):
    Path(folder).mkdir(parents=True, exist_ok=True)
write = lambda name, value: Path(name).write_text(json.dumps(value))
write("models/cnn/config.json", {"architecture": "cnn", "model": {"input": "diff"}})
write("data/best.json", {"val_loss": 0.25, "study": "tune-1", "settings": {"lr": 0.1}})
write("metrics/train.json", {"best_epoch": 2, "temperature": 1.5, "ok": True, "none": None})
models = {"cnn": {"test": {"auc": 0.75}, "title": "CNN"}, "lstm": {"test": {"auc": 0.5}}}
write("metrics/evaluate.json", {"selected": "cnn", "models": models, "test_videos": 40})
Path("metrics/curve.csv").write_text("epoch,train_loss,val_auc\\n1,0.5,0.6\\n2,0.25,nan\\n")
Path("reports/pictures/curve.svg").write_text("<svg/>")
"""


def test_runs_restored_from_the_cache_are_whole(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = enter_tracked(tmp_path / "a project", empty_store, monkeypatch, WITH_OUTPUTS)
    (project / "outputs.py").write_text(OUTPUTS)
    (project / "other.toml").write_text("x = 5\n")
    run(project, "dvc", "repro")
    ignored = "\n".join(("", "models", "data", "metrics", "reports"))
    (project / ".gitignore").write_text((project / ".gitignore").read_text() + ignored)
    run(project, "git", "add", "-A")
    run(project, "git", "commit", "-qm", "made")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(project), str(clone))
    run(clone, "dvc", "cache", "dir", "--local", str(project / ".dvc/cache"))
    shutil.copy(empty_store, clone)
    assert "outputs.py" not in run(clone, "dvc", "repro").split("Running stage 'train@cnn'")[-1]
    [made] = runs(clone, kind="stage", stage="train@cnn")
    assert made.data.tags["origin"] == "cache"
    assert made.data.metrics == {
        "best_epoch": 2.0,
        "temperature": 1.5,
        "best.val_loss": 0.25,
        "best.settings.lr": 0.1,
        "test.auc": 0.75,
        "test_videos": 40.0,
        "train.loss": 0.25,
        "val.auc": 0.6,
    }
    client = mlflow_client(clone)
    history = client.get_metric_history(made.info.run_id, "train.loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.25)]
    assert made.data.params == {
        "b.c": "2",
        "other.toml.x": "5",
        "architecture": "cnn",
        "model.input": "diff",
    }
    commit = run(clone, "git", "rev-parse", "HEAD").strip()
    assert made.data.tags["git_commit"] == made.data.tags["mlflow.source.git.commit"] == commit
    assert [file.path for file in client.list_artifacts(made.info.run_id)] == ["curve.svg"]
    compared = {r.info.run_name: r.data.metrics for r in runs(clone, kind="model")}
    assert compared == {"cnn": {"test.auc": 0.75}, "lstm": {"test.auc": 0.5}}
    [parent] = runs(clone, kind="pipeline")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["cached.train:cnn"] == made.info.run_id


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


FOREACH = """
stages:
  one:
    cmd:
      - python work.py one
      - echo done
    deps: [work.py]
    params: [a, other.toml: [x]]
    outs: [one.txt]
  two:
    foreach: ${b.letters}
    do:
      cmd: python work.py two@${item}
      deps: [one.txt]
      outs: ["two@${item}.txt"]
"""


def test_other_ways_to_write_the_same_pipeline(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``foreach`` over a parameter, several commands, parameters from another file."""
    project = enter_tracked(tmp_path / "a project", empty_store, monkeypatch, FOREACH)
    (project / "other.toml").write_text("x = 5\n")
    (project / "params.yaml").write_text("a: 1\nb: {letters: [x, y]}\n")
    run(project, "dvc", "repro")
    assert status_of_last(project) == ("FINISHED", "3 stage(s) ran, 0 cached")
    (project / "params.yaml").write_text("a: 1\nb: {letters: [x, y, z]}\n")
    run(project, "dvc", "repro")
    assert status_of_last(project) == ("FINISHED", "1 stage(s) ran, 3 cached")
    stages = runs(project, kind="stage")
    assert [r.info.run_name for r in stages] == ["one", "two@x", "two@y", "two@z"]


def test_a_recorder_ends_when_its_project_is_deleted(tmp_path: Path) -> None:
    """Nobody could end it: without its execution's file it would have waited for ever."""
    (tmp_path / "run").mkdir()
    waiting = "from aislewatch.recording.__main__ import _keep_lock_at_the_end as wait\n"
    code = f"{waiting}from pathlib import Path\nwait(Path({str(tmp_path / 'run')!r}))"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == 0
    assert not list((tmp_path / "run").iterdir())
