"""Tells Prefect that footage has landed: ``python -m flows.footage``, beside the worker.

It sends the event that starts `retrain` when data/raw has changed and was then quiet. What was
announced is kept in a file, so an event is neither lost while the server is away nor sent twice
when this is started again.
"""

import hashlib
import json
import os
import time
from pathlib import Path

import httpx
from prefect.client.orchestration import SyncPrefectClient

from aislewatch.exits import plain_errors
from aislewatch.files import write_json
from aislewatch.tables import places
from flows.server import connected, send_event
from flows.worktree import HOME

LANDED = "aislewatch.footage.landed"
ANNOUNCED = HOME / "announced.json"

# Seconds between two looks, and seconds without a change after which footage has landed: cameras
# that write a file a minute would otherwise start a training a minute.
LOOK_S = 60.0
QUIET_S = 120.0


def fingerprint(folder: Path) -> str:
    """Hash names, sizes and times of change of all files in a folder; "" where there is none."""
    facts = []
    for place, _, names in os.walk(folder, followlinks=True):
        for name in names:
            try:
                state = (Path(place) / name).stat()
            except FileNotFoundError:  # It went at this moment.
                continue
            facts.append(f"{place}/{name} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(facts)).encode()).hexdigest() if facts else ""


class Watcher:
    """Looks at data/raw of the project that is the working directory, again and again."""

    def __init__(self) -> None:
        self.seen = ""
        self.since = float("-inf")

    def look(self, client: SyncPrefectClient, now_s: float) -> bool:
        """Send the event if footage has landed since it was last sent; say whether it was.

        The first look ever takes what is there as known: a cron has it anyway.

        Args:
            client: of the server.
            now_s: seconds of a clock that only goes forward.

        Raises:
            httpx.HTTPError: the server did not take it; the next look tries again.
        """
        found = fingerprint(places.RAW)
        if found != self.seen:
            self.seen, self.since = found, now_s
        if not ANNOUNCED.exists():
            write_json(ANNOUNCED, found)
        if now_s - self.since < QUIET_S or json.loads(ANNOUNCED.read_text()) == found:
            return False
        send_event(client, LANDED, {"fingerprint": found})
        write_json(ANNOUNCED, found)
        return True


def main() -> None:
    """Look until somebody ends this."""
    watcher = Watcher()
    with plain_errors("footage"), connected() as client:
        while True:
            try:
                if watcher.look(client, time.monotonic()):
                    print("footage has landed: Prefect was told", flush=True)
            except httpx.HTTPError as error:
                print(f"Prefect was not told, trying again: {type(error).__name__}", flush=True)
            time.sleep(LOOK_S)


if __name__ == "__main__":
    main()
