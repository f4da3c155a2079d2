"""The named sizes: each builds every network, and a number of one's own goes before the size's."""

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import yaml

from aislewatch.config.learning import Size
from aislewatch.config.params import Params, parse_params
from aislewatch.errors import ConfigError
from aislewatch.models.build import NETWORKS, build, load_model, model_config, save_model
from aislewatch.models.sizes import SIZES, network_of
from tests.code_closure import ROOT


def params_of(**model: Any) -> Params:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["model"] |= model
    return parse_params(values, "params.yaml")


@pytest.mark.parametrize("size", get_args(Size))
def test_every_size_builds_every_network_on_the_shipped_frames(size: str) -> None:
    params = params_of(size=size)
    for architecture in NETWORKS:
        with torch.device("meta"):
            build(model_config(architecture, network_of(params.model), params))


def test_the_documentation_has_the_numbers_of_every_size() -> None:
    pages = (ROOT / "docs/operations.md").read_text()
    for size, numbers in SIZES.items():
        side, encoder = numbers["input_size"], "-".join(map(str, numbers["encoder_channels"]))
        rest = (numbers[name] for name in ("hidden_channels", "kernel_size", "dropout"))
        assert " | ".join([f"| `{size}`", f"{side}×{side}", encoder, *map(str, rest)]) in pages


def test_each_size_is_larger_than_the_one_before() -> None:
    sides = [SIZES[size]["input_size"] for size in get_args(Size)]
    assert sides == sorted(set(sides))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_size", 48),
        ("encoder_channels", [4, 8]),
        ("hidden_channels", 5),
        ("kernel_size", 5),
        ("dropout", 0.0),
        ("norm", "group"),
        ("mirrors", True),
    ],
)
def test_a_number_of_ones_own_goes_before_the_size(name: str, value: Any) -> None:
    sized, own = (network_of(params_of(size="small_gpu", **c).model) for c in ({}, {name: value}))
    assert own == sized.model_copy(update={name: value})
    assert own != sized


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("size", "large", "model.size"),
        ("input_size", 20, "model.input_size: Input should be a multiple of 8"),
        ("kernel_size", 4, "model.kernel_size: Value error, must be odd"),
        ("dropout", 1.0, "model.dropout"),
        ("encoder_channels", [], "model.encoder_channels"),
    ],
)
def test_a_wrong_number_is_refused_by_name(name: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match="problem") as caught:
        params_of(**{name: value})
    assert says in str(caught.value)


def test_a_trained_network_keeps_the_numbers_not_the_name(tmp_path: Path) -> None:
    """As release 0.1.0 wrote them: a model of that release loads, whatever a size means now."""
    params = params_of(input_size=None, encoder_channels=None)
    frames = params.frames.model_copy(update={"fps": 10, "size": 128})
    params = params.model_copy(update={"frames": frames})
    config = model_config("cnn", network_of(params.model), params)
    save_model(tmp_path / "cnn", build(config.model_copy(update={"least_light": 0.0})))
    assert (tmp_path / "cnn/config.json").read_text() == CONFIG_OF_0_1_0
    loaded = load_model(tmp_path / "cnn")
    assert loaded.config.model == network_of(params.model)
    # It looks at the dark as it learned to.
    assert loaded.input.least_light == 0.0
    assert config.least_light > 0


CONFIG_OF_0_1_0 = """{
  "architecture": "cnn",
  "model": {
    "input": "diff",
    "input_size": 32,
    "encoder_channels": [
      8,
      16,
      24
    ],
    "hidden_channels": 24,
    "kernel_size": 3,
    "dropout": 0.3
  },
  "frame_size": 128,
  "n_frames": 16,
  "step": 1,
  "fps": 10
}
"""
