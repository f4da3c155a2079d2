"""Several workers on one study: the budget kept, the dead replaced, their trials tried again."""

import json
import multiprocessing
import os
import signal
import time
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
from aislewatch.tune.together import tune_together
from aislewatch.tune.worker import StoppedError, Work, share_of_machine, take_part
from tests.tiny_clips import tiny_params, write_store


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
