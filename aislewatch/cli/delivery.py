"""The command ``aislewatch deliver``: sends alerts where delivery.yaml says."""

import argparse
import signal
import threading
from pathlib import Path
from typing import Any

from aislewatch.delivery.targets import DELIVERY_FILE, read_delivery


def add_deliver(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command."""
    command = commands.add_parser("deliver", help="send alerts to webhook, MQTT, e-mail and chat")
    command.add_argument("--live", type=Path, default=Path("live"), help="the live folder")
    command.add_argument(
        "--until-empty", action="store_true", help="end when nothing waits any more"
    )
    command.add_argument(
        "--status", action="store_true", help="only say what waits and what was dropped"
    )
    command.set_defaults(run=_deliver)


def _deliver(chosen: argparse.Namespace) -> None:
    if chosen.status:
        print(_status(chosen.live))
        return
    delivery = read_delivery(DELIVERY_FILE)
    from aislewatch.delivery.deliverer import deliver

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    deliver(chosen.live, delivery, stop, chosen.until_empty)


def _status(live: Path) -> str:
    from aislewatch.delivery.outbox import OUTBOX, Outbox

    if not (live / OUTBOX).exists():
        return f"{live / OUTBOX}: no alert was raised yet"
    outbox = Outbox(live)
    lines = [f"{target}: {count} {state}" for (target, state), count in outbox.counts().items()]
    lines += [f"  {target}, {key}, {why}" for target, key, why in outbox.faults()]
    return "\n".join(lines) or "no alert was raised yet"
