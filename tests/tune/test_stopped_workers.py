"""The stage with several workers: some die, some are stopped, one fails."""

import json
import os
import re
import signal
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from aislewatch.tune.best import FINISHED
from aislewatch.tune.storage import open_storage
from stages import tune as tune_stage
from tests.tiny_clips import run_stage_in, start_in, write_project
from tests.tune.journals import trials_under_way, wait_until

TWO = {"tune_workers": 2}


def test_the_stage_survives_a_killed_worker(tmp_path: Path) -> None:
    project = write_project(
        tmp_path, tune={"trials": 4, "epochs": 12}, search={"lr": [1e-4, 2e-4]}, machine=TWO
    )
    stage = start_in(project, "stages.tune")
    os.kill(trials_under_way(project / "runs/tune.0.jsonl")[0]["pid"], signal.SIGKILL)
    output, _ = stage.communicate(timeout=300)
    assert stage.returncode == 0, output
    assert "was ended by SIGKILL; another one tries its trial once more" in output
    assert json.loads((project / "data/best.json").read_text())["val_loss"] > 0
    states = [trial.state for trial in study_in(project).trials]
    assert len([state for state in states if state in FINISHED]) >= 4
    assert TrialState.FAIL in states, "what the death cost is told"
    assert TrialState.RUNNING not in states


def study_in(project: Path) -> optuna.Study:
    [file] = (project / ".aislewatch").glob("study-*.db")
    storage = open_storage(f"sqlite:///{file}", 1, 3)
    [name] = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "parent killed"])
def test_stopped_workers_hand_their_trials_back(tmp_path: Path, end: signal.Signals) -> None:
    """No worker stays, and every trial that none of them finished is there to be taken."""
    project = write_project(tmp_path, tune={"trials": 2, "epochs": 400}, machine=TWO)
    stage = start_in(project, "stages.tune")
    workers = {record["pid"] for record in trials_under_way(project / "runs/tune.0.jsonl")}
    if end is signal.SIGINT:
        os.killpg(stage.pid, end)
    else:
        os.kill(stage.pid, end)
    stage.communicate(timeout=240)
    assert stage.returncode != 0
    for pid in workers:
        wait_until(lambda gone=Path(f"/proc/{pid}"): not gone.exists())
    trials = study_in(project).trials
    # On a slow machine Hyperband may have pruned one before its worker was told to stop.
    handed_back = [trial for trial in trials if trial.state is TrialState.FAIL]
    waiting = [trial for trial in trials if trial.state is TrialState.WAITING]
    assert not [trial for trial in trials if trial.state is TrialState.RUNNING]
    assert handed_back
    # One that was handed back may have been taken by the other worker before that was told.
    fixed = [sorted(trial.system_attrs["fixed_params"].items()) for trial in waiting]
    assert len(fixed) == len({str(params) for params in fixed}), "nothing waits twice"
    stopped = [sorted(trial.params.items()) for trial in handed_back]
    assert {str(params) for params in fixed} == {str(params) for params in stopped}


def test_when_all_workers_are_killed_the_study_goes_on_when_run_again(tmp_path: Path) -> None:
    project = write_project(tmp_path, tune={"trials": 2, "epochs": 400}, machine=TWO)
    stage = start_in(project, "stages.tune")
    for pid in {record["pid"] for record in trials_under_way(project / "runs/tune.0.jsonl")}:
        os.kill(pid, signal.SIGKILL)
    output, _ = stage.communicate(timeout=120)
    assert stage.returncode != 0
    # On a slow machine Hyperband may have pruned one before.
    assert re.search(r"all workers were killed, [12] trial\(s\) are missing. The study", output)


def test_an_error_of_a_worker_ends_the_stage_in_plain_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = write_project(tmp_path, tune={"trials": 2, "epochs": 1}, machine=TWO)
    next((project / "data/dataset/frames").glob("train*.yuv")).unlink()
    with pytest.raises(SystemExit, match="goes on where it was when the stage is run again"):
        run_stage_in(project, tune_stage)
    assert "is missing; run the ingest stage" in capfd.readouterr().err
