"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of real footage; the variable is set in CI."""
    folder = os.environ.get("AISLEWATCH_CORPUS")
    if not folder:
        pytest.skip("AISLEWATCH_CORPUS names no folder of real footage")
    return Path(folder)
