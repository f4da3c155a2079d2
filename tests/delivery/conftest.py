"""Fixtures of the delivery's tests."""

from pathlib import Path

import pytest

from aislewatch.delivery.outbox import Outbox
from tests.delivery.alarms import Clocks


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "live")
