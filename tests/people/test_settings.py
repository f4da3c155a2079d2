"""Sections people and track of params.yaml: what is refused, and with which words."""

from typing import Any

import pytest
import yaml

from aislewatch.config.params import parse_params
from aislewatch.errors import ConfigError
from tests.code_closure import ROOT


@pytest.mark.parametrize(
    ("section", "changes", "words"),
    [
        ("people", {"detector": "yolo"}, "people.detector"),
        ("people", {"weights": "/somewhere/else.onnx"}, "aislewatch pretrained add FILE"),
        ("people", {"weights": "data/detector/../raw/x.onnx"}, "must lie in data/detector"),
        ("people", {"every": 0}, "people.every"),
        ("people", {"square": 190}, "people.square"),
        ("track", {"begin_score": 0.1}, r"go_on_score \(0.15\) must not be above begin_score"),
        ("track", {"gap": -1}, "track.gap"),
        ("track", {"memory": 3}, "track.memory: unknown key"),
    ],
)
def test_what_cannot_be_is_refused(section: str, changes: dict[str, Any], words: str) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values[section] |= changes
    with pytest.raises(ConfigError, match=words):
        parse_params(values, "params.yaml")
