"""Weights to test with: a tiny detector of our own everywhere, real ones where they are."""

import os
from pathlib import Path

import pytest

from tests.people.shop import make_shop
from tests.people.tiny_detector import write_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("detector") / "tiny.onnx")


@pytest.fixture(scope="session")
def nano() -> Path:
    """YOLOX-nano, as `aislewatch pretrained fetch` brings it."""
    folder = os.environ.get("AISLEWATCH_PRETRAINED")
    if not folder:
        pytest.skip("AISLEWATCH_PRETRAINED names no folder of a detector's weights")
    return Path(folder) / "yolox_nano.onnx"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make a project without footage yet."""
    return make_shop(tmp_path)
