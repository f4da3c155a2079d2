"""Fixtures of the delivery's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aislewatch.delivery.outbox import Outbox
from tests.delivery.alarms import Clocks
from tests.delivery.servers import Receiver, receiving


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "live")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found
