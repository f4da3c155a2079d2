"""What may be searched beside Adam, how it reaches the training, and which ranges are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from aislewatch.config.params import parse_params
from aislewatch.errors import ConfigError, TrainingError
from aislewatch.models.sizes import network_of
from aislewatch.train.adam import PAPER_ADAM, Adam
from aislewatch.train.tuned import PAPER, Tuned, read_settings, write_settings
from aislewatch.tune.space import suggest, trial_recipe
from stages import train as train_stage
from stages import tune as tune_stage
from tests.tiny_clips import run_stage_in, tiny_params, write_project

ALL = {
    "weight_decay": [1e-3, 0.1],
    "batch_size": [4, 16],
    "dropout": [0.2, 0.6],
    "focal_gamma": [0.5, 4.0],
}


def test_all_that_is_searched_flows_into_train(tmp_path: Path) -> None:
    project = write_project(
        tmp_path, tune={"trials": 2, "epochs": 1}, search=ALL, train={"epochs": 1}
    )
    run_stage_in(project, tune_stage)
    best = json.loads((project / "data/best.json").read_text())
    assert set(best) == {"lr", "beta1", "beta2", "eps", *ALL, "study", "trial", "val_loss"}
    for name, bounds in ALL.items():
        assert bounds[0] <= best[name] <= bounds[1]
    run_stage_in(project, train_stage, "convlstm")
    run_stage_in(project, train_stage, "convlstm_paper")
    config = json.loads((project / "models/convlstm/config.json").read_text())
    assert config["model"]["dropout"] == best["dropout"]
    with_paper = json.loads((project / "models/convlstm_paper/config.json").read_text())
    assert with_paper["model"]["dropout"] == tiny_params()["model"]["dropout"]
    lines = (project / "runs/train@convlstm.0.jsonl").read_text().splitlines()
    logged: dict[str, Any] = {}
    for record in map(json.loads, lines):
        logged |= record["values"] if record["kind"] == "params" else {}
    assert logged["batch_size"] == best["batch_size"]
    # The run says the numbers, whatever the name of the size stands for.
    assert (logged["network.input_size"], logged["network.kernel_size"]) == (16, 3)
    assert logged["optimizer.weight_decay"] == best["weight_decay"]
    assert logged["focal_gamma"] == best["focal_gamma"]


def test_what_is_not_searched_stays_as_in_params() -> None:
    params = parse_params(tiny_params(), "test")
    tuned = suggest(optuna.trial.FixedTrial(some_adam()), params.search)
    recipe = trial_recipe(tuned, params)
    assert recipe.learning == params.learning
    assert recipe.config.model == network_of(params.model)
    assert recipe.optimizer == Adam(tuned.lr, tuned.beta1, tuned.beta2, tuned.eps)
    assert set(tuned.values()) == {"lr", "beta1", "beta2", "eps"}


def test_trials_of_any_gamma_are_judged_alike() -> None:
    params = parse_params(tiny_params(search={"focal_gamma": [0.0, 5.0]}), "test")
    tuned = suggest(optuna.trial.FixedTrial(some_adam() | {"focal_gamma": 4.0}), params.search)
    recipe = trial_recipe(tuned, params)
    assert recipe.learning.focal_gamma == 4.0
    assert recipe.judged_by == params.learning.focal_gamma


def some_adam() -> dict[str, float]:
    return {"lr": 1e-3, "one_minus_beta1": 0.1, "one_minus_beta2": 0.01, "eps": 1e-7}


def test_weight_decay_is_decoupled() -> None:
    """AdamW: θ shrinks by lr · decay · θ, whatever the gradient; at 0 it is the paper's Adam."""
    random = np.random.default_rng(0)
    start, gradient = random.normal(size=20), random.normal(size=20)
    ended = []
    for decay in (0.0, 0.1):
        parameter = torch.nn.Parameter(torch.from_numpy(start.copy()))
        optimizer = Adam(0.01, 0.9, 0.99, 1e-7, weight_decay=decay).over([parameter])
        parameter.grad = torch.from_numpy(gradient)
        optimizer.step()
        ended.append(parameter.detach().numpy().copy())
    np.testing.assert_allclose(ended[0] - ended[1], 0.01 * 0.1 * start, rtol=1e-9)
    assert PAPER.adam() == PAPER_ADAM
    assert PAPER_ADAM.weight_decay == 0.0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("weight_decay", [0.0, 0.1], "greater than 0"),
        ("weight_decay", [0.1, 0.01], "must be \\[low, high\\]"),
        ("weight_decay", 0.1, "valid list"),
        ("batch_size", [32], "at least 2 items"),
        ("batch_size", [32, 32], "names a value twice"),
        ("batch_size", [0, 32], "greater than or equal to 1"),
        ("dropout", [0.1, 1.0], "less than 1"),
        ("focal_gamma", [-1.0, 2.0], "greater than or equal to 0"),
        ("momentum", [0.1, 0.9], "unknown key"),
    ],
)
def test_wrong_ranges_are_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        parse_params(tiny_params(search={name: value}), "params.yaml")
    assert f"search.{name}" in str(refused.value)


def test_a_corrupt_result_is_refused(tmp_path: Path) -> None:
    file, params = tmp_path / "training.json", parse_params(tiny_params(), "test")
    write_settings(file, params, Tuned(1.0, 0.5, 0.5, 1.0, batch_size=8))
    whole = json.loads(file.read_text())
    assert read_settings(file, params) == (params, Tuned(1.0, 0.5, 0.5, 1.0, batch_size=8))
    lacking = [{key: whole[key] for key in whole if key != name} for name in whole]
    corrupt = [{"lr": 1}, {"lr": 1, "beta1": 1, "beta2": 1, "eps": 1, "dropout": {}}]
    wrong = [whole | {"tuned": tuned} for tuned in corrupt] + [whole | {"model": {"size": "huge"}}]
    for text in ("", "[]", *map(json.dumps, lacking + wrong)):
        file.write_text(text)
        with pytest.raises(TrainingError, match=r"missing or corrupt.*dvc repro tune"):
            read_settings(file, params)


# A value other than the shipped one for each parameter that train takes from tune.
OTHER: dict[str, dict[str, Any]] = {
    "model": {
        **{"size": "reference", "input": "rgb", "input_size": 24, "encoder_channels": [4]},
        **{"hidden_channels": 4, "kernel_size": 5, "dropout": 0.2, "encoder": "detector"},
        **{"norm": "group", "mirrors": True},
    },
    "learning": {
        **{"batch_size": 4, "focal_gamma": 1.0, "oversample": False, "flip": 0.25},
        **{"brightness": 0.1, "crop": 0.75, "precision": "bf16", "epoch_clips": 7},
        **{"speed": 0.2, "mixup": 0.4, "schedule": "cosine", "warmup": 0.05, "average": 0.98},
    },
    "segment": {"n_frames": 4, "step": 2},
}


def test_every_parameter_of_training_reaches_it_by_one_file(tmp_path: Path) -> None:
    """Train declares none of them in dvc.yaml: another value must be another file."""
    found, file = Tuned(1.0, 0.5, 0.5, 1.0), tmp_path / "training.json"
    before = parse_params(tiny_params(), "test")
    changed = [parse_params(tiny_params() | {"seed": 7}, "test")]
    for section, values in OTHER.items():
        if section != "segment":
            assert set(values) == set(tiny_params()[section]), "none is forgotten"
        for name, value in values.items():
            changed.append(parse_params(tiny_params(**{section: {name: value}}), "test"))
    texts = set()
    for params in (before, *changed):
        write_settings(file, params, found)
        texts.add(file.read_text())
        assert read_settings(file, before) == (params, found)
    assert len(texts) == 1 + len(changed)
