"""Reads how what alerts are raised by has changed: version, rule, cameras' own settings."""

import json
from pathlib import Path
from typing import TypedDict

# Below the live folder: a JSON line a change, oldest first.
CHANGES = Path("operating/changes.jsonl")


class OperatingChange(TypedDict):
    """Says when alerts were raised by another operating point, and what differed.

    ``before`` is null at the first; ``changed`` names settings, a dot before each part of a name.
    """

    at: str
    point: str
    before: str | None
    changed: list[str]


def threshold_in_use(live: Path) -> float | None:
    """Return the threshold that alerts are raised by now; None where nothing was watched yet."""
    changes = read_changes(live)
    if not changes:
        return None
    point = json.loads((live / CHANGES).with_name(f"{changes[-1]['point']}.json").read_text())
    return float(point["rule"]["threshold"])


def read_changes(live: Path) -> list[OperatingChange]:
    """Read all changes, oldest first; none where nothing was watched yet."""
    file = live / CHANGES
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]
