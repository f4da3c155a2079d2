"""params.yaml: what is shipped is valid, what is wrong is refused with the key's name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from aislewatch.config.params import load_params, parse_params
from aislewatch.errors import ConfigError
from tests.code_closure import ROOT


@pytest.fixture
def values() -> Any:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_shipped_file_is_valid() -> None:
    params = load_params(ROOT / "params.yaml")
    assert params.segment.n_frames >= 16
    assert (params.split.train, params.split.val, params.split.test) == (0.70, 0.15, 0.15)


@pytest.mark.parametrize(
    ("section", "key", "value", "says"),
    [
        ("train", "epoch", 3, "train.epoch: unknown key"),
        ("train", "epochs", "3", "train.epochs: Input should be a valid integer (got '3')"),
        ("train", "epochs", 0, "train.epochs: Input should be greater than or equal to 1"),
        ("train", "optimizer", "sgd", "train.optimizer: Input should be 'tuned' or 'paper'"),
        ("segment", "n_frames", 8, "allow_short_clips"),
        ("segment", "n_frames", 33, "segment.n_frames"),
        ("segment", "negative_overlap", 0.9, "negative_overlap must be below positive_overlap"),
        ("split", "train", 0.9, "must add up to 1"),
        ("split", "recording_suffix", "(", "not a regular expression"),
        ("model", "kernel_size", 4, "must be odd"),
        ("model", "input", "flow", "model.input"),
        ("register", "name", "a/b", "register.name"),
        ("tune", "lr", [0.1], "tune.lr"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    values: Any, section: str, key: str, value: Any, says: str
) -> None:
    values[section][key] = value
    with pytest.raises(ConfigError, match="problem") as caught:
        parse_params(values, "params.yaml")
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["/etc", "..", "a/../../b", "a/b", ".hidden", ""])
def test_a_source_stays_inside_the_raw_folder(values: Any, name: str) -> None:
    values["sources"] = {name: "folder"}
    with pytest.raises(ConfigError, match="sources"):
        parse_params(values, "params.yaml")


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        (["shop", "tills"], "      shop: folder\n      tills: folder\n"),
        ("shop", "      myshop: folder\n"),
        (None, "      myshop: folder\n"),
        ({}, "at least 1 item"),
        ({"shop": "voc"}, "sources.shop: Input should be 'folder', 'table'"),
        ({"shop": None}, "sources.shop: Input should be 'folder', 'table'"),
        ({2024: "folder"}, 'put the name 2024 in quotes, as in "2024": folder'),
    ],
)
def test_each_source_has_a_layout(values: Any, sources: Any, says: str) -> None:
    values["sources"] = sources
    with pytest.raises(ConfigError, match="sources") as caught:
        parse_params(values, "params.yaml")
    assert says in str(caught.value)


def test_all_problems_are_told_at_once(values: Any) -> None:
    del values["frames"]
    values["train"]["seed"] = 1.5
    values["nonsense"] = True
    with pytest.raises(ConfigError, match=r"3 problem") as caught:
        parse_params(values, "params.yaml")
    assert all(word in str(caught.value) for word in ("frames", "train.seed", "nonsense"))


def test_a_missing_or_broken_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_params(tmp_path / "params.yaml")


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    """``1e-3`` is a number for DVC and a string for YAML 1.1."""
    text = (ROOT / "params.yaml").read_text().replace("[5.0e-4, 1.0e-2]", "[5e-4, 1e-2]")
    assert "[5e-4, 1e-2]" in text
    (tmp_path / "params.yaml").write_text(text)
    assert load_params(tmp_path / "params.yaml").tune.lr == [5e-4, 1e-2]
