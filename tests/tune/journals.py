"""What the journal of a study says while it goes on."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def trials_under_way(journal: Path) -> list[dict[str, Any]]:
    """How the trials began, once each of two workers has had a trial, and some epochs are done."""

    def begun() -> list[dict[str, Any]]:
        lines = journal.read_text().splitlines() if journal.exists() else []
        # The last may be half-written.
        records = [json.loads(line) for line in lines if line.endswith("}")]
        return [r for r in records if r["kind"] == "start" and r["type"] == "trial"]

    wait_until(
        lambda: (
            len({start["pid"] for start in begun()}) == 2
            and journal.read_text().count('"metrics"') > 4
        )
    )
    return begun()


def wait_until(question: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
