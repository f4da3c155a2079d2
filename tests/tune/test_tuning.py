"""The study: repeatable, resumable at any moment, and honest when nothing came of it."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from aislewatch.config.params import Params, parse_params
from aislewatch.errors import TrainingError
from aislewatch.files import sha256_tree
from aislewatch.models.scoring import set_up_compute
from aislewatch.tracking.journal import Journal
from aislewatch.train.adam import Adam
from aislewatch.train.data import TrainingData, load_training_data
from aislewatch.train.tuned import Tuned
from aislewatch.tune.alone import tune_alone
from aislewatch.tune.best import Best, best_of
from stages import tune as tune_stage
from tests.tiny_clips import (
    kill_at,
    run_stage_in,
    start_in,
    tiny_params,
    write_project,
    write_store,
)

CPU = torch.device("cpu")
TINY = parse_params(tiny_params(), "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder)
    set_up_compute(TINY.machine)
    return load_training_data(
        folder / "data/dataset/splits.parquet", folder / "data/dataset/frames"
    )


def settings(**changes: Any) -> Params:
    return TINY.model_copy(update={"tune": TINY.tune.model_copy(update=changes)})


def run(data: TrainingData, folder: Path, params: Params) -> Best:
    journal = Journal(folder / "tune.jsonl")
    trials = tune_alone(params, data, CPU, folder / "study.db", "test", journal)
    return best_of(trials, params.search, "test")


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "tune.jsonl").read_text().splitlines()]


def trials(file: Path) -> list[tuple[Any, ...]]:
    [name] = optuna.get_all_study_names(f"sqlite:///{file}")
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{file}")
    return [(t.number, t.state, t.params, t.value, t.intermediate_values) for t in study.trials]


def test_the_best_trial_is_found_within_the_ranges(data: TrainingData, tmp_path: Path) -> None:
    best = run(data, tmp_path, settings(trials=5))
    done = trials(tmp_path / "study.db")
    values = [value for _, state, _, value, _ in done if state.name == "COMPLETE"]
    assert len(done) == 5
    assert best.val_loss == min(values)
    assert done[best.trial][2]["lr"] == best.tuned.lr
    ranges = settings().search
    assert ranges.lr[0] <= best.tuned.lr <= ranges.lr[1]
    low, high = ranges.one_minus_beta1
    assert low <= 1 - best.tuned.beta1 <= high


def test_a_pruned_trial_is_tagged_and_not_failed(data: TrainingData, tmp_path: Path) -> None:
    run(data, tmp_path, settings(trials=5))
    pruned = {f"/trial-{t[0]}" for t in trials(tmp_path / "study.db") if t[1].name == "PRUNED"}
    assert pruned, "of these seeds Hyperband prunes one at least"
    log = records(tmp_path)
    assert {r["run"] for r in log if r["kind"] == "tags" and "pruned" in r["values"]} == pruned
    assert [r["status"] for r in log if r["kind"] == "end"] == ["FINISHED"] * 5


def test_more_trials_go_on_with_the_same_study(data: TrainingData, tmp_path: Path) -> None:
    straight, twice = tmp_path / "straight", tmp_path / "twice"
    straight.mkdir()
    twice.mkdir()
    best = run(data, straight, settings(trials=5))
    run(data, twice, settings(trials=2))
    assert run(data, twice, settings(trials=5)) == best
    assert trials(twice / "study.db") == trials(straight / "study.db")
    # Fewer than are there: those beyond do not count.
    lines = len(records(twice))
    fewer = run(data, twice, settings(trials=2))
    assert fewer.trial < 2
    assert len(records(twice)) == lines


def test_killed_and_resumed_stage_finds_the_same(tmp_path: Path) -> None:
    changes = {"tune": {"trials": 6, "epochs": 3}}
    straight = write_project(tmp_path / "straight", **changes)
    killed = write_project(tmp_path / "killed", **changes)
    run_stage_in(straight, tune_stage)
    kill_at(start_in(killed, "stages.tune"), "trial 4 of 6")
    assert not (killed / "data/best.json").exists()
    run_stage_in(killed, tune_stage)
    assert (killed / "data/best.json").read_bytes() == (straight / "data/best.json").read_bytes()
    assert sha256_tree(killed / "reports/tune") == sha256_tree(straight / "reports/tune")
    (first,), (second,) = (list((p / ".aislewatch").glob("study-*.db")) for p in (straight, killed))
    assert trials(first) == trials(second)
    assert len(trials(second)) == 6


def test_no_trial_that_ran_to_its_end(data: TrainingData, tmp_path: Path) -> None:
    search = TINY.search.model_copy(update={"lr": [9e36, 1e37]})
    boundless = settings(trials=2).model_copy(update={"search": search})
    with pytest.raises(TrainingError, match="none of 2 trials ran to its end"):
        run(data, tmp_path, boundless)
    assert [t[1].name for t in trials(tmp_path / "study.db")] == ["PRUNED", "PRUNED"]


def test_a_corrupt_study_is_refused(data: TrainingData, tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"not a database" * 100)
    with pytest.raises(TrainingError, match="remove it to start the study again"):
        run(data, tmp_path, settings(trials=1))


def test_best_is_plain_values() -> None:
    tuned = Tuned(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8)
    best = Best(tuned, study="5eed", trial=3, val_loss=0.5)
    assert tuned.adam() == Adam(0.1, 0.9, 0.99, 1e-8)
    assert list(best.as_json()) == ["lr", "beta1", "beta2", "eps", "study", "trial", "val_loss"]
