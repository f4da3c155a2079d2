"""Finds clips: by filters for the list, one with all that was said of it, the next to judge."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from aislewatch.desk.schema import CLIPS, REMARKS, SEEN, VERDICTS
from aislewatch.desk.verdicts import WORDS
from aislewatch.errors import DeskError

# Rows of the list at once: more than a guard scrolls through.
LIST = 200

UNJUDGED = "none"
KINDS = {
    "alert": "Alerts",
    "shadow": "Shadow challenger",
    "audit": "Audit sample",
    "near": "Near the threshold",
    "missed": "Reported thefts",
}

# One clip of each kind, as its page calls it.
ONE = {
    "alert": "Alert",
    "shadow": "Alert of the shadow challenger, which nobody was told of",
    "audit": "Audit sample",
    "near": "Near the threshold",
    "missed": "Reported theft",
}


class NoClipError(DeskError):
    """There is no clip of this id, or its footage was deleted."""


@dataclass(frozen=True)
class Filters:
    """Holds what to list: kind, camera, day in UTC, only this verdict; an empty text means any."""

    kind: str = "alert"
    camera: str = ""
    day: str = ""
    only: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """Read the filters of an address.

        Raises:
            DeskError: a value is none of those offered.
        """
        kind = query.get("kind") or "alert"
        filters = cls(kind, *(query.get(name, "") for name in ("camera", "day", "only")))
        if kind not in KINDS or filters.only not in ("", UNJUDGED, *WORDS):
            raise DeskError("no such filter; choose one of those in the form")
        filters.conditions()
        return filters

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a row of clips joined with verdicts must fulfil."""
        kind = "alert" if self.kind == "shadow" else self.kind
        asked = [CLIPS.c.kind == kind, CLIPS.c.shadow.is_(self.kind == "shadow")]
        if self.camera:
            asked.append(CLIPS.c.camera == self.camera)
        if self.day:
            first = _midnight(self.day)
            last = first + timedelta(days=1)
            asked += [CLIPS.c.raised >= first.timestamp(), CLIPS.c.raised < last.timestamp()]
        if self.only == UNJUDGED:
            asked.append(VERDICTS.c.verdict.is_(None))
        elif self.only:
            asked.append(VERDICTS.c.verdict == self.only)
        return asked


def _midnight(day: str) -> datetime:
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise DeskError(f"{day!r} is no day; write it as 2026-11-30") from None


def with_verdicts() -> Select[Any]:
    """Return the query of all clips with the verdict, its author and time; empty where none."""
    numbers = select(func.max(VERDICTS.c.number)).where(~VERDICTS.c.undone)
    latest = numbers.group_by(VERDICTS.c.clip).scalar_subquery()
    joined = and_(VERDICTS.c.clip == CLIPS.c.id, VERDICTS.c.number.in_(latest))
    said = (
        VERDICTS.c.verdict,
        VERDICTS.c.who.label("judge"),
        VERDICTS.c.at.label("judged"),
        VERDICTS.c.number.label("verdict_number"),
        VERDICTS.c.start_s.label("theft_start_s"),
        VERDICTS.c.end_s.label("theft_end_s"),
    )
    return select(CLIPS, *said).select_from(CLIPS.outerjoin(VERDICTS, joined))


def listed(connection: Connection, filters: Filters, who: str) -> list[dict[str, Any]]:
    """List the newest clips that pass the filters, with whether this person has seen each."""
    query = with_verdicts().where(*filters.conditions())
    query = query.order_by(CLIPS.c.raised.desc(), CLIPS.c.number.desc()).limit(LIST)
    seen = set(connection.execute(select(SEEN.c.clip).where(SEEN.c.who == who)).scalars())
    calls = select(REMARKS.c.clip).where(REMARKS.c.kind == "escalation")
    called = set(connection.execute(calls).scalars())
    rows = connection.execute(query).mappings()
    return [{**row, "seen": row["id"] in seen, "escalated": row["id"] in called} for row in rows]


def cameras(connection: Connection) -> list[str]:
    """List the cameras of which there are clips."""
    return list(
        connection.execute(select(CLIPS.c.camera).distinct().order_by(CLIPS.c.camera)).scalars()
    )


def find(connection: Connection, clip: str) -> dict[str, Any]:
    """Return one clip with its verdict, remarks and who saw it.

    Raises:
        NoClipError: there is none of this id.
    """
    row = connection.execute(with_verdicts().where(CLIPS.c.id == clip)).mappings().first()
    if row is None:
        raise NoClipError(f"there is no clip {clip!r}")
    remarks = select(REMARKS).where(REMARKS.c.clip == clip).order_by(REMARKS.c.number)
    seen = select(SEEN.c.who, SEEN.c.at).where(SEEN.c.clip == clip).order_by(SEEN.c.at)
    return {
        **row,
        "remarks": [dict(said) for said in connection.execute(remarks).mappings()],
        "seen_by": [dict(saw) for saw in connection.execute(seen).mappings()],
    }


def next_to_judge(connection: Connection, filters: Filters) -> str | None:
    """Return the oldest stored clip that nobody has judged, else the newest that passes.

    Only among those that pass the filters; None if none does.
    """
    query = with_verdicts().where(*filters.conditions(), CLIPS.c.stored)
    waiting = query.where(VERDICTS.c.verdict.is_(None)).order_by(CLIPS.c.raised)
    newest = query.order_by(CLIPS.c.raised.desc())
    for asked in (waiting, newest):
        row = connection.execute(asked.limit(1)).mappings().first()
        if row is not None:
            return str(row["id"])
    return None


def came_after(connection: Connection, number: int) -> list[dict[str, Any]]:
    """List alerts that came after the clip of a number, in the order in which they came."""
    query = select(CLIPS).where(CLIPS.c.number > number, CLIPS.c.kind == "alert", ~CLIPS.c.shadow)
    return [dict(row) for row in connection.execute(query.order_by(CLIPS.c.number)).mappings()]


def last_number(connection: Connection) -> int:
    """Return the number of the newest clip; 0 if there is none."""
    return connection.execute(select(func.max(CLIPS.c.number))).scalar() or 0
