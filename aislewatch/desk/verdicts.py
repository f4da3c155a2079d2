"""Keeps what reviewers say of a clip: verdicts, which can be struck out, and remarks."""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from aislewatch.desk import log
from aislewatch.desk.people import Visitor
from aislewatch.desk.schema import CLIPS, REMARKS, SEEN, VERDICTS
from aislewatch.errors import DeskError

THEFT = "theft"
NOT_THEFT = "not theft"
UNSURE = "unsure"
WORDS = (THEFT, NOT_THEFT, UNSURE)

# Seconds of the shortest theft: a shorter event is refused by the pipeline (validate.min_event_s).
SHORTEST_THEFT_S = 0.5

# Characters of a remark: a paragraph.
LONGEST_REMARK = 2000


class OvertakenError(DeskError):
    """Somebody else judged the clip since the reviewer last saw it."""


def current(connection: Connection, clip: str) -> Row[tuple[object, ...]] | None:
    """Return the verdict that stands, a row of VERDICTS; None if there is none."""
    query = select(VERDICTS).where(VERDICTS.c.clip == clip, ~VERDICTS.c.undone)
    return connection.execute(query.order_by(VERDICTS.c.number.desc())).first()


def give(
    connection: Connection,
    clip: str,
    who: str,
    verdict: str,
    interval_s: tuple[float, float],
    expected: int,
    at: float,
) -> None:
    """Give a verdict; it and its entry in the log are kept together.

    Args:
        connection: one that changes.
        clip: its id.
        who: the reviewer.
        verdict: theft, not theft or unsure.
        interval_s: of the theft, in seconds of the film.
        expected: number of the verdict that the reviewer saw standing; 0: none.
        at: now, in seconds since 1970.

    Raises:
        OvertakenError: another verdict stands by now.
        DeskError: there is no such verdict or interval.
    """
    if verdict not in WORDS:
        raise DeskError(f"{verdict!r} is no verdict; give one of {', '.join(WORDS)}")
    start_s, end_s = interval_s
    query = select(CLIPS.c.duration_s, CLIPS.c.stored).where(CLIPS.c.id == clip)
    length, stored = connection.execute(query).one()
    if not stored:
        raise DeskError("its footage was deleted: nobody can see any more what it shows")
    if not 0.0 <= start_s <= end_s <= length + 0.1:
        raise DeskError(f"the theft must lie within the clip's {length:.1f} s, from start to end")
    if verdict == THEFT and end_s - start_s < SHORTEST_THEFT_S:
        raise DeskError(f"the theft lasts under {SHORTEST_THEFT_S:g} s; drag its start and end")
    _refuse_overtaken(connection, clip, expected)
    row = {"clip": clip, "verdict": verdict, "start_s": start_s, "end_s": end_s, "who": who}
    connection.execute(insert(VERDICTS).values(row | {"at": at, "undone": False}))
    detail = {"verdict": verdict, "start_s": start_s, "end_s": end_s}
    log.write(connection, at, who, "verdict", clip, detail)


def undo(connection: Connection, clip: str, visitor: Visitor, expected: int, at: float) -> None:
    """Strike out the verdict that stands; the one before it stands again.

    Raises:
        OvertakenError: another verdict stands by now.
        DeskError: there is none, or it is somebody else's and the visitor no lead.
    """
    _refuse_overtaken(connection, clip, expected)
    standing = current(connection, clip)
    if standing is None:
        raise DeskError("there is no verdict to undo")
    if standing.who != visitor.name and not visitor.may("lead"):
        raise DeskError(f"this verdict is {standing.who}'s; a lead can undo it")
    query = update(VERDICTS).where(VERDICTS.c.number == standing.number)
    connection.execute(query.values(undone=True))
    log.write(connection, at, visitor.name, "undo", clip, {"verdict": standing.verdict})


def _refuse_overtaken(connection: Connection, clip: str, expected: int) -> None:
    standing = current(connection, clip)
    if (standing.number if standing else 0) != expected:
        said = f"{standing.who} said {standing.verdict}" if standing else "it was undone"
        raise OvertakenError(f"somebody was faster: {said}. Look again, then judge")


def remark(connection: Connection, clip: str, who: str, kind: str, text: str, at: float) -> None:
    """Add a note, an escalation, or why a hold began or ended.

    Raises:
        DeskError: it is empty or too long.
    """
    if not text.strip() or len(text) > LONGEST_REMARK:
        raise DeskError(f"write something, and at most {LONGEST_REMARK} characters")
    row = {"clip": clip, "kind": kind, "text": text.strip(), "who": who, "at": at}
    connection.execute(insert(REMARKS).values(row))
    log.write(connection, at, who, kind, clip, {"text": text.strip()})


def see(connection: Connection, clips: Sequence[str], who: str, at: float) -> None:
    """Remember that a person has seen clips; no verdict follows from it."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    for clip in clips:
        row = {"clip": clip, "who": who, "at": at}
        connection.execute(kind.insert(SEEN).values(row).on_conflict_do_nothing())
