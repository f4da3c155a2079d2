"""Takes evidence folders into the desk's table of clips, as soon as they lie there whole."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from sqlalchemy import Connection, insert, select

from aislewatch.desk import log
from aislewatch.desk.schema import CLIPS, LOG
from aislewatch.evidence.folder import EVIDENCE

# Names that are the same in a file system, an address and a page.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,180}")

REFUSED = "evidence refused"

# Seconds that are offered as a theft at the least: an alert may be of a moment.
SHORTEST_S = 1.0


def take_in(connection: Connection, live: Path, at: float) -> int:
    """Add a row for every evidence folder that has none; return how many.

    A folder that cannot be used is told in the log, once, and left as it is.

    Args:
        connection: one that changes.
        live: the live folder.
        at: now, in seconds since 1970.
    """
    folders = new_folders(connection, live)
    taken = 0
    for name in folders:
        try:
            row = read(live / EVIDENCE / name)
        except (OSError, ValueError, KeyError, TypeError, av.FFmpegError) as error:
            fault = f"{type(error).__name__}: {error}"
            log.write(connection, at, "desk", REFUSED, name[:200], {"fault": fault[:500]})
        else:
            connection.execute(insert(CLIPS).values(row))
            taken += 1
    return taken


def new_folders(connection: Connection, live: Path) -> list[str]:
    """List the names of evidence folders that the desk has not met, oldest name first."""
    root = live / EVIDENCE
    if not root.is_dir():
        return []
    there = {path.name for path in root.iterdir() if not path.name.startswith(".")}
    known = set(connection.execute(select(CLIPS.c.id)).scalars())
    refused = select(LOG.c.subject).where(LOG.c.action == REFUSED)
    return sorted(there - known - set(connection.execute(refused).scalars()))


def read(folder: Path) -> dict[str, Any]:
    """Read one evidence folder as a row of the clips.

    Raises:
        ValueError: its name, its alert.json or its film is not as agreed.
        OSError: a file is missing.
    """
    alert = json.loads((folder / "alert.json").read_text())
    if alert["id"] != folder.name or not NAME.fullmatch(folder.name):
        raise ValueError(f"alert.json is of {alert['id']!r}")
    length = duration(folder / "clip.mp4")
    begin, end = seconds(alert["begin"]), seconds(alert["end"])
    if not begin <= end:
        raise ValueError("the alert ends before it begins")
    model = alert["model"]
    start_s, end_s = _interval(folder, begin, end, length)
    return {
        "id": folder.name,
        "kind": "alert",
        "folder": f"{EVIDENCE}/{folder.name}",
        "camera": str(alert["camera"]),
        "begin": begin,
        "end": end,
        "raised": seconds(alert["raised"]),
        "start_s": start_s,
        "end_s": end_s,
        "duration_s": length,
        "score": float(alert["score"]),
        "threshold": float(alert["threshold"]),
        "model": f"{model['name']} version {model['version']}",
        "shadow": bool(alert["shadow"]),
        "stored": True,
        "held": False,
    }


def _interval(folder: Path, begin: float, end: float, length: float) -> tuple[float, float]:
    """Return where in the film the alert is, by its timeline; else as if it were in the middle."""
    path = folder / "timeline.json"
    timeline = json.loads(path.read_text()) if path.exists() else {}
    if isinstance(timeline, Mapping) and "film_begin" in timeline:
        first = begin - seconds(timeline["film_begin"])
    else:
        first = (length - (end - begin)) / 2
    first = min(max(first, 0.0), max(0.0, length - SHORTEST_S))
    return first, min(first + max(end - begin, SHORTEST_S), length)


def duration(film: Path) -> float:
    """Return a film's length in seconds.

    Raises:
        ValueError: it has no picture.
    """
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        base = stream.time_base or Fraction(1)
        length = stream.duration
        if length is None:
            raise ValueError(f"{film.name} states no length")
        return float(length * base)


def seconds(text: str) -> float:
    """Read a time in UTC, as 2026-11-30T12:00:00Z, as seconds since 1970.

    Raises:
        ValueError: it is none, or says no offset from UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} does not say that it is UTC; end it with Z")
    told = moment.timestamp()
    if not math.isfinite(told):
        raise ValueError(f"{text!r} is no time")
    return told


def told(at: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Write seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime(form)
