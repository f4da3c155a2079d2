"""Keeps alerts on disk until they are delivered: nothing is lost when a process is killed."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aislewatch.errors import DeliveryError

OUTBOX = "outbox.sqlite3"  # below the live folder

# Seconds to wait for another process that writes: its transactions take milliseconds.
BUSY_S = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY,       -- order in which alerts were raised
    target TEXT NOT NULL,
    key TEXT NOT NULL,                -- of idempotency: the alert's id
    camera TEXT NOT NULL,
    raised REAL NOT NULL,             -- seconds since 1970
    alert TEXT NOT NULL,              -- JSON
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    fault TEXT NOT NULL DEFAULT '',   -- why the last attempt failed
    UNIQUE (target, key)
);
CREATE INDEX IF NOT EXISTS waiting ON messages (state, target, number);
"""


@dataclass(frozen=True)
class Message:
    """An alert on its way to one target; ``raised`` in seconds since 1970."""

    number: int
    target: str
    key: str
    camera: str
    raised: float
    alert: Mapping[str, Any]


class Outbox:
    """Holds the messages of a live folder; any thread and process may use it.

    A message is ``waiting``, ``sent`` (as an alarm), ``late`` (told in a digest) or ``dropped``.

    Raises:
        DeliveryError: from every method, where the file cannot be read or written now.
    """

    def __init__(self, live: Path) -> None:
        self._file = live / OUTBOX
        live.mkdir(parents=True, exist_ok=True)
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLE)

    def put(self, alert: Mapping[str, Any], targets: Sequence[str]) -> None:
        """Take an alert for these targets; it is on disk when this returns.

        Taken twice, it is there once. A shadow's alert is never taken: it is recorded, not told.

        Args:
            alert: what alert.json says.
            targets: their names.
        """
        if alert["shadow"] or not targets:
            return
        raised = datetime.fromisoformat(alert["raised"]).timestamp()
        text = json.dumps(alert, sort_keys=True)
        rows = [(name, alert["id"], alert["camera"], raised, text) for name in targets]
        with self._connected() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO messages (target, key, camera, raised, alert)"
                " VALUES (?, ?, ?, ?, ?)",
                rows,
            )

    def waiting(self, target: str) -> list[Message]:
        """List what a target still has to get, in the order in which it was raised."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT number, target, key, camera, raised, alert FROM messages"
                " WHERE state = 'waiting' AND target = ? ORDER BY number",
                (target,),
            ).fetchall()
        return [
            Message(number, name, key, camera, raised, json.loads(text))
            for number, name, key, camera, raised, text in rows
        ]

    def settle(self, messages: Sequence[Message], state: str, fault: str = "") -> None:
        """Note what became of messages: ``sent``, ``late``, ``dropped``, or still ``waiting``."""
        with self._connected() as connection:
            connection.executemany(
                "UPDATE messages SET state = ?, fault = ?, attempts = attempts + 1"
                " WHERE number = ?",
                [(state, fault, message.number) for message in messages],
            )

    def counts(self) -> dict[tuple[str, str], int]:
        """Count messages by target and state."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT target, state, COUNT(*) FROM messages GROUP BY target, state"
            ).fetchall()
        return {(target, state): count for target, state, count in rows}

    def faults(self) -> list[tuple[str, str, str]]:
        """List target, key and reason of what was dropped, and of what failed and still waits."""
        with self._connected() as connection:
            return connection.execute(
                "SELECT target, key, state || ': ' || fault FROM messages"
                " WHERE state = 'dropped' OR (state = 'waiting' AND fault != '') ORDER BY number"
            ).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=BUSY_S)) as connection:
                # A commit has reached the disk, also when the power fails next.
                connection.execute("PRAGMA synchronous = FULL")
                with connection:
                    yield connection
        except sqlite3.OperationalError as error:
            raise DeliveryError(
                f"{self._file} cannot be used ({error}): see whether its disk is full or cannot be "
                "written, and free some space"
            ) from error
