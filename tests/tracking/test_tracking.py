"""Journals, recorder and parent runs, with a real DVC pipeline and a real MLflow store."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from aislewatch.recording.client import tag_name
from aislewatch.tracking.provenance import locked_facts, stage_key
from tests.projects import clone_project, mlflow_client, run, runs
from tests.tiny_pipelines import wait_for
from tests.tracked_project import enter, enter_tracked, recorders_of


@pytest.fixture
def project(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small DVC project in its own git repository, as current directory."""
    return enter_tracked(tmp_path / "a project", empty_store, monkeypatch)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """Such a project after its first ``dvc repro``; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        folder = enter_tracked(tmp_path_factory.mktemp("made") / "a project", empty_store, patch)
        run(folder, "dvc", "repro")
    return folder


@pytest.fixture
def done(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to do things to, as current directory."""
    return enter(clone_project(original, tmp_path / "a project"), monkeypatch)


def test_a_pipeline_is_one_parent_with_a_child_a_stage_and_a_trial(done: Path) -> None:
    [parent] = runs(done, kind="pipeline")
    assert parent.info.status == "FINISHED"
    stages = runs(done, kind="stage")
    assert [stage.info.run_name for stage in stages] == ["one", "two@x", "two@y"]
    for stage in stages:
        tags = stage.data.tags
        assert tags["mlflow.parentRunId"] == parent.info.run_id
        assert stage.info.status == "FINISHED"
        assert stage.data.params == {"a": "1", "model.input": "diff"}
        assert tags["git_commit"] == tags["mlflow.source.git.commit"]
        assert len(tags["dvc_lock"]) == 64
        assert tags["data"].endswith(".dir")
        assert tags[f"digest.{tag_name(stage.info.run_name)}.txt"]
    client = mlflow_client(done)
    history = client.get_metric_history(stages[0].info.run_id, "val.loss")
    assert [(m.step, m.value) for m in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert [f.path for f in client.list_artifacts(stages[0].info.run_id)] == ["one.txt"]
    trials = runs(done, kind="trial")
    assert [t.data.tags["mlflow.parentRunId"] for t in trials] == [s.info.run_id for s in stages]


def test_stage_keys_are_those_of_the_lock(done: Path) -> None:
    import yaml

    entries = yaml.safe_load(Path("dvc.lock").read_text())["stages"]
    for stage in runs(done, kind="stage"):
        assert stage.data.tags["stage_key"] == stage_key(locked_facts(entries[stage.info.run_name]))
        [out] = entries[stage.info.run_name]["outs"]
        assert stage.data.tags[tag_name(f"dvc.{out['path']}")] == out["md5"]


def test_a_failing_stage_fails_its_parent(project: Path) -> None:
    (project / "fail").touch()
    run(project, "dvc", "repro", fails=True)
    [parent] = runs(project, kind="pipeline")
    assert parent.info.status == "FAILED"
    assert parent.data.tags["outcome"] == "failed: two@y"
    [failed] = runs(project, kind="stage", stage="two@y")
    assert failed.info.status == "FAILED"
    assert failed.data.tags["error"] == "ValueError: as planned"
    assert len(failed.data.tags["stage_key"]) == 64
    assert failed.data.metrics["val.loss"] == pytest.approx(1 / 3)


def test_a_cached_stage_points_to_the_run_that_made_it(done: Path) -> None:
    [first] = runs(done, kind="stage", stage="one")
    Path("params.yaml").write_text("a: 1\nb: {c: 3}\n")
    run(done, "dvc", "repro")
    _, second = runs(done, kind="pipeline")
    assert second.info.status == "FINISHED"
    assert second.data.tags["cached.one"] == first.info.run_id
    assert len(runs(done, kind="stage", stage="one")) == 1
    assert len(runs(done, kind="stage", stage="two@x")) == 2


def test_an_unknown_cached_stage_gets_a_run_of_its_own(done: Path) -> None:
    Path("mlflow.db").unlink()
    Path("params.yaml").write_text("a: 1\nb: {c: 3}\n")
    run(done, "dvc", "repro")
    [parent] = runs(done, kind="pipeline")
    [made] = runs(done, origin="cache")
    assert made.info.run_name == "one"
    assert made.info.status == "FINISHED"
    assert parent.data.tags["cached.one"] == made.info.run_id


def test_what_a_kill_left_open_is_closed_by_the_next_command(project: Path, tmp_path: Path) -> None:
    (project / "hang").write_text("two@y")
    dvc = subprocess.Popen(["dvc", "repro"], start_new_session=True)
    wait_for(Path("hanging"))
    [recorder] = recorders_of(project)
    recorder.kill()
    os.killpg(dvc.pid, signal.SIGKILL)
    dvc.wait()
    (project / "hang").unlink()
    left = (project / "dvc.lock").read_bytes()
    # What the next command is about must not be taken for what the killed one was about.
    Path("params.yaml").write_text("a: 1\nb: {c: 3}\n")
    run(project, "dvc", "repro")
    dead, alive = runs(project, kind="pipeline")
    assert (dead.info.status, alive.info.status) == ("KILLED", "FINISHED")
    assert dead.data.tags["outcome"] == "process died during: two@y"
    killed, finished = runs(project, kind="stage", stage="two@y")
    assert (killed.info.status, finished.info.status) == ("KILLED", "FINISHED")
    client = mlflow_client(project)
    for pipeline, lock, value in (
        (dead, left, 2),
        (alive, (project / "dvc.lock").read_bytes(), 3),
    ):
        kept = Path(client.download_artifacts(pipeline.info.run_id, "provenance", str(tmp_path)))
        assert (kept / "dvc.lock").read_bytes() == lock
        assert (kept / "params.yaml").read_text() == f"a: 1\nb: {{c: {value}}}\n"
        assert pipeline.data.tags["dvc_lock"] == hashlib.sha256(lock).hexdigest()
    # What was logged before the kill is there, once.
    assert len(client.get_metric_history(killed.info.run_id, "val.loss")) == 3
    assert len(runs(project, kind="stage", stage="one")) == 1


def test_two_pipelines_with_equal_work_have_equal_keys(done: Path, tmp_path: Path) -> None:
    first = {r.info.run_name: r.data.tags["stage_key"] for r in runs(done, kind="stage")}
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(done), str(clone)], check=True)
    (clone / ".dvc/config.local").write_text("[core]\n    analytics = false\n")
    run(clone, "dvc", "repro")
    assert {r.info.run_name: r.data.tags["stage_key"] for r in runs(clone, kind="stage")} == first


def test_a_flow_can_finish_while_its_process_lives(project: Path) -> None:
    from aislewatch.recording.waiting import finish
    from aislewatch.tracking.execution import make_execution

    execution = make_execution(psutil.Process(), "flow")
    environment = os.environ | {"AISLEWATCH_EXECUTION": str(execution)}
    subprocess.run(["dvc", "repro", "-s", "one"], check=True, env=environment)
    # The recorder is nice to others: on a busy machine it makes its database in more than a minute.
    url = finish(execution, failed=True, idle=False, timeout_s=300.0)
    [parent] = runs(project, kind="pipeline")
    assert url is not None
    assert f"/runs/{parent.info.run_id}?" in url
    assert parent.info.status == "FAILED"
    assert json.loads((execution / "closed.json").read_text())["status"] == "FAILED"


def test_an_execution_without_anything_to_do_makes_no_run(project: Path) -> None:
    from aislewatch.recording.waiting import finish
    from aislewatch.tracking.execution import make_execution

    execution = make_execution(psutil.Process(), "flow")
    assert finish(execution, failed=False, idle=True, timeout_s=300.0) is None
    assert json.loads((execution / "closed.json").read_text())["run_id"] is None
    assert runs(project) == []


def test_a_new_store_is_made_once_by_whoever_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    code = "from aislewatch.recording.client import connect; print(connect()[1])"
    first = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert {process.communicate()[0] for process in first} == {"1\n"}
