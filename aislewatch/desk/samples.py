"""Draws what is judged beside alerts: clips at random, which tell what was missed; close ones."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from aislewatch.desk import log
from aislewatch.desk.evidence import told
from aislewatch.desk.footage import Piece, cut_clip, pieces
from aislewatch.desk.guarding import Desk
from aislewatch.desk.numbers import DAY_S
from aislewatch.desk.schema import CLIPS, SAMPLED
from aislewatch.errors import FootageError
from aislewatch.evidence.kept import cameras_kept


def draw(desk: Desk, day: float) -> int:
    """Draw a day's samples of every camera that has none of it yet; return how many clips.

    Args:
        desk: whose footage and tables.
        day: when the day begins, in seconds since 1970.
    """
    drawn = 0
    for camera in cameras_kept(desk.live):
        with desk.database.reading() as connection:
            if _is_drawn(connection, camera, day):
                continue
            alerts = _alerts(connection, camera, day)
        found = pieces(desk.live, camera, day, day + DAY_S)
        windows = [w for w in _windows(desk, found, day) if not _meets(w, alerts)]
        if not windows:
            continue
        rows = _cut(desk, found, _choose(desk, camera, windows))
        with desk.database.changing() as connection:
            if _is_drawn(connection, camera, day):
                continue  # by another desk on the same database
            _keep(connection, camera, day, windows, rows, desk)
        drawn += len(rows)
    return drawn


@dataclass(frozen=True)
class Window:
    """A stretch of kept footage that may be drawn; ``score`` is its highest, if any is known."""

    begin: float
    end: float
    score: float | None
    threshold: float | None


def _windows(desk: Desk, found: Sequence[Piece], day: float) -> Iterator[Window]:
    """Cut the day's footage into stretches of one length; what is left over is none."""
    length = desk.settings.clip_s
    for piece in found:
        told_scores = piece.path.with_suffix(".json")
        stated = json.loads(told_scores.read_text()) if told_scores.exists() else {}
        for number in range(int((piece.length_s + 1e-6) / length)):
            start_s, end_s = number * length, (number + 1) * length
            begin = piece.begin + start_s
            if not day <= begin < day + DAY_S:
                continue
            inside = [
                clip["score"]
                for clip in stated.get("scores", [])
                if start_s <= clip["start_s"] and clip["end_s"] <= end_s
            ]
            score = max(inside, default=None)
            yield Window(begin, piece.begin + end_s, score, stated.get("threshold"))


def _choose(desk: Desk, camera: str, windows: Sequence[Window]) -> list[tuple[str, Window]]:
    """Choose the audit at random among all windows, then the closest of the others."""

    def lot(window: Window) -> bytes:
        # Drawn again after a kill, the same come out; nobody chooses them.
        return hashlib.sha256(f"{camera} {window.begin:.3f}".encode()).digest()

    settings = desk.settings
    audit = sorted(windows, key=lot)[: settings.audit_a_day]
    near = [
        window
        for window in windows
        if window not in audit
        and window.score is not None
        and window.threshold is not None
        and settings.near_share * window.threshold <= window.score < window.threshold
    ]
    near.sort(key=lambda window: (-(window.score or 0.0), window.begin))
    closest = near[: settings.near_a_day]
    return [("audit", window) for window in audit] + [("near", window) for window in closest]


def _cut(
    desk: Desk, found: Sequence[Piece], chosen: Sequence[tuple[str, Window]]
) -> list[dict[str, Any]]:
    rows = []
    for kind, window in chosen:
        try:
            row = cut_clip(desk.live, kind, found, window.begin, window.end - window.begin)
        except FootageError:
            continue  # deleted meanwhile
        # The score of an audit clip is not shown: it would tell the reviewer what to say.
        if kind == "near":
            row |= {"score": window.score, "threshold": window.threshold}
        rows.append(row)
    return rows


def _keep(
    connection: Connection,
    camera: str,
    day: float,
    windows: Sequence[Window],
    rows: Sequence[dict[str, Any]],
    desk: Desk,
) -> None:
    for row in rows:
        connection.execute(insert(CLIPS).values(row))
    seconds = sum(window.end - window.begin for window in windows)
    row = {"camera": camera, "day": day, "windows": len(windows), "seconds": seconds}
    connection.execute(insert(SAMPLED).values(row))
    detail = {"day": told(day, "%Y-%m-%d"), "clips": len(rows), "of": len(windows)}
    log.write(connection, desk.now(), "desk", "drawn", camera, detail)


def _is_drawn(connection: Connection, camera: str, day: float) -> bool:
    query = select(SAMPLED.c.day).where(SAMPLED.c.camera == camera, SAMPLED.c.day == day)
    return connection.execute(query).first() is not None


def _alerts(connection: Connection, camera: str, day: float) -> list[tuple[float, float]]:
    query = select(CLIPS.c.begin, CLIPS.c.end).where(
        CLIPS.c.camera == camera, CLIPS.c.kind == "alert", ~CLIPS.c.shadow
    )
    near = query.where(CLIPS.c.end >= day, CLIPS.c.begin <= day + DAY_S)
    return [(row.begin, row.end) for row in connection.execute(near)]


def _meets(window: Window, alerts: Sequence[tuple[float, float]]) -> bool:
    return any(begin < window.end and window.begin < end for begin, end in alerts)
