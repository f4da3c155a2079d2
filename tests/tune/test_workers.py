"""Several workers on one study: the budget kept, the dead replaced, their trials tried again."""

import json
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from aislewatch.config.params import parse_params
from aislewatch.tracking.journal import Journal
from aislewatch.tune.best import FINISHED, best_of
from aislewatch.tune.storage import open_storage
from aislewatch.tune.together import tune_together
from aislewatch.tune.worker import StoppedError, Work, share_of_machine, take_part
from stages import tune as tune_stage
from tests.tiny_clips import run_stage_in, start_in, tiny_params, write_project, write_store

TWO = {"tune_workers": 2}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder)
    return folder


def work(store: Path, folder: Path, url: str | None = None, workers: int = 1, **tune: Any) -> Work:
    return Work(
        parse_params(tiny_params(tune=tune, machine={"tune_workers": workers}), "test"),
        store / "data/dataset/splits.parquet",
        store / "data/dataset/frames",
        "test",
        Journal(folder / "tune.jsonl"),
        url or f"sqlite:///{folder}/study.db",
        heartbeat_s=1,
        grace_s=3,
    )


def finished(study: optuna.Study) -> list[int]:
    return [trial.number for trial in study.trials if trial.state in FINISHED]


def test_two_workers_share_the_budget(store: Path, tmp_path: Path) -> None:
    given = work(store, tmp_path, trials=5, epochs=2, workers=2)
    counted = tune_together(given)
    assert len(counted) == 5
    trials = given.study().trials
    assert len(trials) in (5, 6), "one that was under way may be beyond the budget"
    best = best_of(counted, given.params.search, "test")
    assert best.val_loss == min(t.value or 9 for t in counted if t.state is TrialState.COMPLETE)
    log = [json.loads(line) for line in (tmp_path / "tune.jsonl").read_text().splitlines()]
    assert len({r["pid"] for r in log if r["kind"] == "start"}) == 2
    assert len({t.params["lr"] for t in trials}) == len(trials), "none draws as another"
    # Asked again, nothing is left; asked for fewer, those that finished later do not count.
    assert [t.number for t in tune_together(given)] == [t.number for t in counted]
    fewer = tune_together(work(store, tmp_path, trials=2, epochs=2, workers=2))
    assert [t.number for t in fewer] == [t.number for t in counted[:2]]
    assert len(given.study().trials) == len(trials)


def trials_under_way(journal: Path) -> list[dict[str, Any]]:
    """How the trials began, once each of two workers has had a trial, and some epochs are done."""

    def begun() -> list[dict[str, Any]]:
        lines = journal.read_text().splitlines() if journal.exists() else []
        # The last may be half-written.
        records = [json.loads(line) for line in lines if line.endswith("}")]
        return [r for r in records if r["kind"] == "start" and r["type"] == "trial"]

    wait_until(
        lambda: (
            len({start["pid"] for start in begun()}) == 2
            and journal.read_text().count('"metrics"') > 4
        )
    )
    return begun()


def wait_until(question: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def _deadly(given: Work, deaths: int, tally: Path) -> None:
    """A worker that dies in the study's second trial, as often as is told, whoever tries it."""

    def objective(trial: optuna.Trial) -> float:
        lr = trial.suggest_float("lr", 1e-3, 1e-2)
        dead = tally.read_text().split()
        if trial.number == 1 or (dead and str(lr) in dead):
            if len(dead) < deaths:
                with tally.open("a") as file:
                    file.write(f"{lr} ")
                time.sleep(1.5)  # Its heart begins to beat in a thread beside.
                os.kill(os.getpid(), signal.SIGKILL)
            return 0.0
        # Longer than the grace, so that a dead worker's trial is missed while the study goes on.
        time.sleep(given.grace_s + 1.5 if dead else 0.0)
        return 1.0

    take_part(given, objective)


@pytest.mark.parametrize("deaths", [1, 2], ids=["killed once", "killed twice"])
def test_a_killed_trial_is_tried_once_more(store: Path, tmp_path: Path, deaths: int) -> None:
    given = replace(work(store, tmp_path, trials=4), grace_s=1)
    tally = tmp_path / "tally"
    tally.touch()
    # Forks of a process that has torch and optuna, whose import costs 3 s.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    codes = []
    for _ in range(deaths + 1):
        process = context.Process(target=_deadly, args=(given, deaths, tally))
        process.start()
        process.join()
        codes.append(process.exitcode)
    assert codes == [-signal.SIGKILL] * deaths + [0]
    study = given.study()
    assert len(finished(study)) == 4, "the study has what was asked for, whatever died"
    [lr] = set(tally.read_text().split())
    tried = [t.state for t in study.trials if str(t.params.get("lr")) == lr]
    assert tried == [TrialState.FAIL] * deaths + [TrialState.COMPLETE] * (2 - deaths)


def test_a_trial_that_never_began_to_beat_does_not_count(store: Path, tmp_path: Path) -> None:
    given = work(store, tmp_path, trials=1)
    with pytest.warns(UserWarning, match="Heartbeat"):
        given.study().ask()
    take_part(given, lambda trial: 1.0)
    assert [t.state.name for t in given.study().trials] == ["RUNNING", "COMPLETE"]


def test_a_trial_whose_worker_is_stopped_waits_for_another(store: Path, tmp_path: Path) -> None:
    given = work(store, tmp_path, trials=1)
    drawn: list[float] = []

    def objective(trial: optuna.Trial) -> float:
        drawn.append(trial.suggest_float("lr", 1e-3, 1e-2))
        if len(drawn) == 1:
            raise StoppedError
        return 1.0

    with pytest.raises(StoppedError):
        take_part(given, objective)
    assert [t.state.name for t in given.study().trials] == ["FAIL", "WAITING"]
    take_part(given, objective)
    assert [t.state.name for t in given.study().trials] == ["FAIL", "COMPLETE"]
    assert drawn[0] == drawn[1], "the same settings are tried again"


@pytest.mark.parametrize("reports", [True, False], ids=["while it reports", "at its end"])
def test_a_trial_given_up_too_early_is_computed_twice_and_counted_once(
    store: Path, tmp_path: Path, reports: bool
) -> None:
    given = work(store, tmp_path, trials=1)
    tries: list[int] = []

    def objective(trial: optuna.Trial) -> float:
        tries.append(trial.number)
        if trial.number == 0:
            others = given.study()
            others.tell(0, state=TrialState.FAIL)
            with pytest.warns(ExperimentalWarning):
                RetryHeartbeatStaleTrialCallback(1)(others, others.trials[0])
            if reports:
                trial.report(1.0, step=1)
        return 2.0

    take_part(given, objective)
    assert tries == [0, 1]
    assert [t.state.name for t in given.study().trials] == ["FAIL", "COMPLETE"]


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


def test_workers_share_cores_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of eight cores and two GPUs, which cannot exist here."""
    shares = []
    for name, value in (
        ("is_available", lambda: True),
        ("device_count", lambda: 2),
        ("set_device", lambda device: None),
    ):
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch, "set_num_threads", shares.append)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    changes = {"machine": {"tune_workers": 4, "device": "auto", "threads": 0}}
    params = parse_params(tiny_params(**changes), "test")
    devices = [str(share_of_machine(params, index)) for index in range(4)]
    assert devices == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert shares == [2, 2, 2, 2]
