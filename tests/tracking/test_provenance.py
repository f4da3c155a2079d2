"""From a run to its code, parameters and data and back, in real repositories."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aislewatch.tracking.provenance import lock_entries, planned_params
from tests.projects import ask, clone_project, mlflow_client, run, runs, set_params


def commit(project: Path, words: str) -> str:
    subprocess.run(["git", "commit", "-qam", words], cwd=project, check=True)
    return run(project, "git", "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def moved_on(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished project, one uncommitted evaluation and one committed change later."""
    project = clone_project(finished, tmp_path_factory.mktemp("moved on") / "a shop")
    set_params(project, {"evaluate": {"confidence": 0.9}})
    run(project, "dvc", "repro", "evaluate")
    commit(project, "another confidence")
    set_params(project, {"evaluate": {"confidence": 0.95}})
    commit(project, "back again")
    return project


def test_a_run_of_uncommitted_work_comes_back_whole(moved_on: Path, tmp_path: Path) -> None:
    newest = max(runs(moved_on, kind="pipeline"), key=lambda r: r.info.start_time)
    assert newest.data.tags["git_dirty"] == "true"
    nested = {"mlflow.parentRunId": newest.info.run_id}
    [evaluated] = runs(moved_on, kind="stage", stage="evaluate", **nested)
    output = ask(moved_on, "checkout", evaluated.info.run_id, str(tmp_path / "then"))
    assert "and what was not committed" in output
    then = tmp_path / "then"
    assert "confidence: 0.9\n" in (then / "params.yaml").read_text()
    assert "confidence: 0.9\n" in run(moved_on, "git", "show", "HEAD~1:params.yaml")
    assert (then / "dvc.lock").read_text() == run(moved_on, "git", "show", "HEAD~1:dvc.lock")
    assert (then / "metrics/evaluate.json").exists()
    assert "up to date" in run(then, "dvc", "status", "evaluate")
    refused = ask(moved_on, "checkout", "1", str(then), fails=True)
    assert "exists already" in refused


def test_a_version_is_reproduced_bit_for_bit(project: Path, tmp_path: Path) -> None:
    output = ask(project, "checkout", "1", str(tmp_path / "v1"), "--run-again")
    assert "every output has the same bytes" in output


def test_a_lock_names_the_runs_behind_it(moved_on: Path) -> None:
    listed = dict(line.split(": ") for line in ask(moved_on, "runs").splitlines() if ": " in line)
    assert set(listed) >= {"ingest", "split", "tune", "train@convlstm", "evaluate"}
    for stage in ("split", "train@cnn"):
        [made] = runs(moved_on, kind="stage", stage=stage)
        assert listed[stage] == made.info.run_id
    assert "is missing" in ask(moved_on, "runs", "no.lock", fails=True)


def test_unknown_runs_and_lost_commits_are_told(project: Path, tmp_path: Path) -> None:
    assert "has no run" in ask(project, "checkout", "0" * 32, "x", fails=True)
    [parent] = runs(project, kind="pipeline")
    mlflow_client(project).set_tag(parent.info.run_id, "git_commit", "1" * 40)
    lost = ask(project, "checkout", parent.info.run_id, "x", fails=True)
    assert "git fetch --unshallow" in lost
    mlflow_client(project).set_tag(parent.info.run_id, "git_commit", "none: not a git repository")
    outside = ask(project, "checkout", parent.info.run_id, "y", fails=True)
    assert "outside a git repository" in outside


def test_detached_shallow_and_missing_git_are_said(project: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", project.as_uri(), str(shallow)], check=True
    )
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=shallow, check=True)
    run(
        shallow, "dvc", "repro", "segment", fails=True
    )  # no footage; the try is recorded all the same
    [parent] = runs(shallow, kind="pipeline")
    assert parent.data.tags["git_branch"] == "(detached)"
    assert parent.data.tags["git_shallow"] == "true"
    bare = {"PATH": str(Path(sys.executable).parent)}
    told = ask(shallow, "checkout", parent.info.run_id, "x", fails=True, **bare)
    assert "`git` is not installed" in told
    shutil.rmtree(shallow / ".git")
    run(shallow, "python", "-m", "stages.ingest", fails=True)
    words = {r.data.tags["git_commit"] for r in runs(shallow, kind="pipeline")}
    assert "none: not a git repository" in words


@pytest.mark.parametrize(
    "stage", ["", "{}", "{do: {}}", "{params: }", "{foreach: [1], do: {params: }}"]
)
def test_sections_of_dvc_files_may_be_empty(
    tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text("schema: '2.0'\nstages:\n")
    for text in ("", "stages:\n", f"stages:\n  train: {stage}\n"):
        Path("dvc.yaml").write_text(text)
        assert (planned_params("train@cnn"), lock_entries()) == ({}, {})
