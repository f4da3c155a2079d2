"""Fixtures that several files here share."""

from pathlib import Path

import pytest

from tests.synth.rendering import render


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered shop; not to be changed."""
    folder = tmp_path_factory.mktemp("raw") / "shop"
    render(folder)
    return folder
