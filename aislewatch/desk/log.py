"""Keeps the log of every view, verdict and export; each entry's digest holds the one before it."""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select, update

from aislewatch.desk.database import FIRST
from aislewatch.desk.schema import HEAD, LOG


def write(
    connection: Connection,
    at: float,
    who: str,
    action: str,
    subject: str = "",
    detail: Mapping[str, object] | None = None,
) -> None:
    """Append an entry, in the transaction of what it tells: both are kept, or neither.

    Args:
        connection: one that changes.
        at: seconds since 1970.
        who: a user's name; ``desk`` for what the desk does by itself.
        action: what was done, as ``verdict``.
        subject: to which clip or camera.
        detail: more of it; JSON must hold it.
    """
    number, previous = connection.execute(select(HEAD.c.number, HEAD.c.digest)).one()
    text = json.dumps(detail or {}, sort_keys=True)
    entry = (number + 1, float(at), who, action, subject, text)
    digest = _digest(previous, entry)
    names = ("number", "at", "who", "action", "subject", "detail")
    connection.execute(
        insert(LOG).values(dict(zip(names, entry, strict=True)) | {"digest": digest})
    )
    connection.execute(update(HEAD).values(number=number + 1, digest=digest))


def verify(connection: Connection, noted: str = "") -> str:
    """Say what is wrong with the log; empty if nothing.

    Who may write the database could compute all digests anew. A digest noted elsewhere finds that
    out: it must still be in the chain.

    Args:
        connection: to read with.
        noted: the last entry's digest at an earlier time; empty: none is known.
    """
    previous, number, met = FIRST, 0, not noted
    for row in connection.execute(select(LOG).order_by(LOG.c.number)):
        *entry, digest = row
        if row.number != number + 1:
            return f"entry {number + 1} is missing"
        if _digest(previous, tuple(entry)) != digest:
            return f"entry {row.number} is not as it was written, or one before it was removed"
        previous, number = digest, row.number
        met = met or digest == noted
    last = connection.execute(select(HEAD.c.number, HEAD.c.digest)).one()
    if (last.number, last.digest) != (number, previous):
        return f"the log ends with entry {number}, and {last.number} were written"
    return "" if met else "the noted digest is not in the log: it was written anew, or cut off"


def head(connection: Connection) -> tuple[int, str]:
    """Return the last entry's number and digest, to be noted elsewhere."""
    number, digest = connection.execute(select(HEAD.c.number, HEAD.c.digest)).one()
    return int(number), str(digest)


def _digest(previous: str, entry: tuple[object, ...]) -> str:
    return hashlib.sha256(f"{previous}\n{json.dumps(entry)}".encode()).hexdigest()
