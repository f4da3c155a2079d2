"""Keeps what alerts are raised by: version, rule, and each camera's role, zones and hours."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aislewatch.evidence.alert import in_utc
from aislewatch.evidence.operating import CHANGES, OperatingChange, read_changes
from aislewatch.files import whole_file, write_json
from aislewatch.watch.cameras_file import Cameras
from aislewatch.watch.scorer import LiveModel


def write_operating_point(live: Path, cameras: Cameras, model: LiveModel) -> str:
    """Write what alerts are raised by, and return its sha256, by which it is known.

    That is the version with its frozen rule, and each camera's role, zones and hours. A file a
    point, never overwritten by another: an alert can be held against what was true when it was
    raised. ``operating/changes.jsonl`` gets a line for each change: when, from which point to
    which, and what is another.
    """
    point = {
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "rule": model.rule.model_dump(),
        "cameras": {
            camera.name: camera.model_dump(include={"role", "zones", "hours"})
            for camera in cameras.cameras
        },
    }
    digest = hashlib.sha256(json.dumps(point, sort_keys=True).encode()).hexdigest()
    folder = (live / CHANGES).parent
    write_json(folder / f"{digest[:12]}.json", point)
    _note_change(folder, digest[:12], point)
    return digest


def _note_change(folder: Path, name: str, point: dict[str, Any]) -> None:
    known = read_changes(folder.parent)
    before = known[-1]["point"] if known else None
    if before == name:
        return
    old = json.loads((folder / f"{before}.json").read_text()) if before else {}
    entry = OperatingChange(
        at=in_utc(datetime.now(UTC)), point=name, before=before, changed=_changed(old, point)
    )
    with whole_file(folder.parent / CHANGES) as temporary:
        temporary.write_text("".join(f"{json.dumps(one)}\n" for one in [*known, entry]))


def _changed(old: Any, new: Any, key: str = "") -> list[str]:
    """List the keys, each with a dot before those below it, that differ between two points."""
    if isinstance(old, dict) and isinstance(new, dict):
        below = [_changed(old.get(k), new.get(k), f"{key}.{k}") for k in sorted({*old, *new})]
        return [one for part in below for one in part]
    return [] if old == new else [key.removeprefix(".")]
