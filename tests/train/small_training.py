"""A small training that many tests share."""

import dataclasses
import os
from typing import Any

import torch

from aislewatch.config.params import Params, parse_params
from aislewatch.models.build import ModelConfig
from aislewatch.models.sizes import network_of
from aislewatch.train.adam import Adam
from aislewatch.train.loop import Recipe
from aislewatch.train.processes import Processes
from aislewatch.train.validation import EpochRow
from tests.tiny_clips import (
    N_FRAMES,
    SIZE,
    tiny_params,
)

# On a machine with a GPU, "cuda" runs these tests there.
DEVICE = torch.device(os.environ.get("AISLEWATCH_TEST_DEVICE", "cpu"))


ALONE = Processes(DEVICE)


ADAM = Adam(lr=0.005, beta1=0.9, beta2=0.99, eps=1e-7)


# Keys of ``learning`` that change how a training goes on, each alone and all at once.
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cosine": {"schedule": "cosine", "warmup": 0.1},
    "average": {"average": 0.9},
    "speed": {"speed": 0.3},
    "mixup": {"mixup": 0.4},
}
WAYS["all"] = {name: value for way in WAYS.values() for name, value in way.items()}


def params_of(**changes: dict[str, Any]) -> Params:
    return parse_params(tiny_params(**changes), "test")


def make_recipe(epochs: int, **changes: Any) -> Recipe:
    params = params_of()
    config = ModelConfig(
        architecture="convlstm",
        model=network_of(params.model),
        frame_size=SIZE,
        n_frames=N_FRAMES,
        step=1,
        fps=10,
    )
    recipe = Recipe(config, params.learning, ADAM, epochs, patience=epochs, seed=0)
    return dataclasses.replace(recipe, **changes)


def recipe_with(model: dict[str, Any], epochs: int, **learning: Any) -> Recipe:
    """Make a recipe with some keys of ``model`` and ``learning`` changed."""
    params = params_of(model=model, learning=learning)
    recipe = make_recipe(epochs, learning=params.learning)
    config = recipe.config.model_copy(update={"model": network_of(params.model)})
    return dataclasses.replace(recipe, config=config)


def ignore(row: EpochRow) -> None:
    pass
