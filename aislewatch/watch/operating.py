"""Keeps what alerts are raised by: version, rule, and each camera's role, zones and hours."""

import hashlib
import json
from pathlib import Path

from aislewatch.files import write_json
from aislewatch.watch.cameras_file import Cameras
from aislewatch.watch.scorer import LiveModel


def write_operating_point(live: Path, cameras: Cameras, model: LiveModel) -> str:
    """Write what alerts are raised by, and return its sha256, by which it is known.

    That is the version with its frozen rule, and each camera's role, zones and hours. A file a
    point, never overwritten by another: an alert can be held against what was true when it was
    raised.
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
    write_json(live / "operating" / f"{digest[:12]}.json", point)
    return digest
