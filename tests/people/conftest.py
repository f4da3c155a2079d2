"""Fixtures of the tests of people."""

from pathlib import Path

import pytest

from tests.people.shop import make_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make a project without footage yet."""
    return make_shop(tmp_path)
