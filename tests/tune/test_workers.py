"""Several workers on one study: the budget kept, the dead replaced, their trials tried again."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
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
from aislewatch.tune.best import best_of
from aislewatch.tune.progress import FIRST, HISTORY, first_of, study_progress
from aislewatch.tune.storage import open_storage
from aislewatch.tune.together import tune_together
from aislewatch.tune.worker import Work, share_of_machine, take_part
from stages import tune as tune_stage
from tests.tiny_clips import run_stage_in, start_in, tiny_params, write_project, write_store

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
TWO = {"tune_workers": 2}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder)
    return folder


def work(store: Path, folder: Path, url: str | None = None, workers: int = 1, **tune: Any) -> Work:
    return Work(
        parse_params(tiny_params(tune=tune, machine={"tune_workers": workers}), "test"),
        store / "data/splits.parquet",
        store / "data/frames",
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
    best = best_of(tune_together(given), given.params.search, "test")
    trials = given.study().trials
    assert len(finished(given.study())) == 5
    assert {t.number for t in trials if t.state is TrialState.FAIL} <= {5, 6}  # beyond the budget
    assert best.val_loss == min(t.value or 9 for t in trials if t.state is TrialState.COMPLETE)
    log = [json.loads(line) for line in (tmp_path / "tune.jsonl").read_text().splitlines()]
    assert sorted(r["name"] for r in log if r["kind"] == "start") == [
        f"trial-{n}" for n in range(5)
    ]
    assert len({r["pid"] for r in log if r["kind"] == "start"}) == 2
    # Asked again, nothing is left; asked for fewer, those beyond do not count.
    assert best_of(tune_together(given), given.params.search, "test") == best
    fewer = tune_together(work(store, tmp_path, trials=2, epochs=2, workers=2))
    assert [trial.number for trial in fewer] == [0, 1]


def trials_under_way(journal: Path) -> list[dict[str, Any]]:
    """How the trials began, once two of them have had an epoch."""
    wait_until(lambda: journal.exists() and journal.read_text().count('"metrics"') > 4)
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    return [r for r in records if r["kind"] == "start" and r["type"] == "trial"]


def wait_until(question: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def _deadly(given: Work, deaths: int, tally: Path) -> None:
    """A worker that dies in its first trials, as often as is told, whoever tries them."""

    def objective(trial: optuna.Trial, place: int) -> float:
        trial.suggest_float("lr", 1e-3, 1e-2)
        if place == 1 and len(tally.read_text()) < deaths:
            with tally.open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return float(place)

    take_part(given, objective)


@pytest.mark.parametrize(
    ("deaths", "finishes"), [(1, 3), (2, 2)], ids=["killed once", "killed twice"]
)
def test_a_killed_trial_is_tried_once_more(
    store: Path, tmp_path: Path, deaths: int, finishes: int
) -> None:
    given = work(store, tmp_path, trials=3)
    tally = tmp_path / "tally"
    tally.touch()
    context = multiprocessing.get_context("spawn")
    codes = []
    for _ in range(deaths + 1):
        process = context.Process(target=_deadly, args=(given, deaths, tally))
        process.start()
        process.join()
        codes.append(process.exitcode)
    assert codes == [-signal.SIGKILL] * deaths + [0]
    study = given.study()
    assert len(finished(study)) == finishes
    tried = [t for t in study.trials if t.number == 1 or t.system_attrs.get(FIRST) == 1]
    assert [t.state for t in tried] == [TrialState.FAIL] * deaths + [TrialState.COMPLETE] * (
        2 - deaths
    )
    assert len({str(t.params) for t in tried}) == 1, "the same settings are tried again"
    assert study_progress(study, 3).done()


def test_a_trial_that_never_began_to_beat_is_found(store: Path, tmp_path: Path) -> None:
    given = work(store, tmp_path, trials=1)
    with pytest.warns(UserWarning, match="Heartbeat"):
        given.study().ask()
    take_part(given, lambda trial, place: 1.0)
    assert [t.state.name for t in given.study().trials] == ["FAIL", "COMPLETE"]


@pytest.mark.parametrize("reports", [True, False], ids=["while it reports", "at its end"])
def test_a_trial_given_up_too_early_is_computed_twice_and_counted_once(
    store: Path, tmp_path: Path, reports: bool
) -> None:
    given = work(store, tmp_path, trials=1)
    tries: list[int] = []

    def objective(trial: optuna.Trial, place: int) -> float:
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


def test_a_killed_worker_is_replaced_and_the_stage_succeeds(tmp_path: Path) -> None:
    project = write_project(
        tmp_path, tune={"trials": 4, "epochs": 40}, search={"lr": [1e-4, 2e-4]}, machine=TWO
    )
    stage = start_in(project, "stages.tune")
    journal = project / "runs/tune.0.jsonl"
    os.kill(trials_under_way(journal)[0]["pid"], signal.SIGKILL)
    output, _ = stage.communicate(timeout=300)
    assert stage.returncode == 0, output
    assert "was ended by SIGKILL; its trial is tried once more" in output
    assert "4 of 4 trials finished; 1 tried again because their workers had died" in output
    assert json.loads((project / "data/best.json").read_text())["val_loss"] > 0


def test_stopped_workers_hand_their_trials_back(tmp_path: Path) -> None:
    """Ctrl-C, then the parent's death: no worker stays, and every trial is there to be taken."""
    project = write_project(tmp_path, tune={"trials": 2, "epochs": 400}, machine=TWO)
    for end in (signal.SIGINT, signal.SIGKILL):
        for old in (project / "runs").glob("*"):
            old.unlink()
        stage = start_in(project, "stages.tune")
        journal = project / "runs/tune.0.jsonl"
        workers = {record["pid"] for record in trials_under_way(journal)}
        if end is signal.SIGINT:
            os.killpg(stage.pid, end)
        else:
            os.kill(stage.pid, end)
        stage.communicate(timeout=240)
        assert stage.returncode != 0
        for pid in workers:
            wait_until(lambda gone=Path(f"/proc/{pid}"): not gone.exists())
    [file] = (project / ".aislewatch").glob("study-*.db")
    storage = open_storage(f"sqlite:///{file}", 1, 3)
    [name] = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    # On a slow machine Hyperband may have pruned one before its worker was told to stop.
    latest = {first_of(trial): trial.state for trial in study.trials}
    beyond = {latest.pop(number) for number in sorted(latest)[2:]}
    assert beyond <= {TrialState.FAIL}
    assert sorted(latest) == [0, 1]
    assert set(latest.values()) <= {TrialState.WAITING, TrialState.PRUNED}
    assert not [trial for trial in study.trials if trial.system_attrs.get(HISTORY)]


def test_an_error_of_a_worker_ends_the_stage_in_plain_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = write_project(tmp_path, tune={"trials": 2, "epochs": 1}, machine=TWO)
    next((project / "data/frames").glob("train*.yuv")).unlink()
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
