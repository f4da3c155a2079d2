"""Alerts of a noon, what brings them, and clocks that the test moves."""

from typing import Any

from aislewatch.delivery.deliverer import Deliverer
from aislewatch.delivery.outbox import Outbox
from aislewatch.delivery.targets import Target

# 2026-11-30T12:00:00Z
NOON = 1_796_040_000.0
TTL_S = 60.0


def alert(number: int, camera: str = "till", shadow: bool = False) -> dict[str, Any]:
    """The n-th alert of a camera, raised n seconds after noon."""
    moment = f"2026-11-30T12:00:{number:02d}.000Z"
    return {
        "id": f"{camera}-{number}",
        "camera": camera,
        "begin": moment,
        "raised": moment,
        "score": 0.9,
        "shadow": shadow,
    }


class Clocks:
    """Both clocks, moved by the test."""

    def __init__(self) -> None:
        self.day, self.machine = NOON, 1000.0

    def pass_s(self, seconds: float) -> None:
        self.day += seconds
        self.machine += seconds


def deliverer(outbox: Outbox, address: str, clocks: Clocks, kind: str = "webhook") -> Deliverer:
    target = Target.model_validate({"name": "room", "kind": kind, "address": address})
    return Deliverer(outbox, target, TTL_S, lambda: clocks.day, lambda: clocks.machine)


def put(outbox: Outbox, *alerts: dict[str, Any]) -> None:
    for each in alerts:
        outbox.put(each, ["room"])
