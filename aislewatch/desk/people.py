"""Keeps who may use the desk: users with roles, their sessions, and the limit to failed logins."""

import hashlib
import re
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, func, insert, select

from aislewatch.desk import log
from aislewatch.desk.schema import FAILURES, SESSIONS, USERS
from aislewatch.errors import DeskError

# Each may what those before it may.
ROLES = ["guard", "lead", "admin"]

# Characters of a password, as NIST SP 800-63B asks of a single factor at the least.
SHORTEST_PASSWORD = 8

# Seconds a session lasts: one shift.
SESSION_S = 12 * 3600

# Failed logins within a quarter of an hour after which a name, and an address, must wait. A shop's
# desk has one address for several people.
FAILURES_S = 900
FAILURES_OF = {"name": 5, "address": 20}

# RFC 9106's second recommendation: 64 MiB and 3 passes, about 0.1 s a login.
_HASHER = PasswordHasher()
# Checked where there is no such user, so that the time of an answer does not tell who exists.
_NOBODY = _HASHER.hash(secrets.token_hex(8))


@dataclass(frozen=True)
class Visitor:
    """Holds who asks: a user with a session."""

    name: str
    role: str
    csrf: str

    def may(self, role: str) -> bool:
        """Say whether the user may what ``role`` may."""
        return ROLES.index(self.role) >= ROLES.index(role)


def add_user(connection: Connection, name: str, password: str, role: str, at: float) -> None:
    """Add a user, or change password and role of one, whose sessions end.

    Raises:
        DeskError: the name or the password is not fit for use.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise DeskError(f"{name!r} is no user's name; use letters, digits, '.', '_' and '-'")
    if len(password) < SHORTEST_PASSWORD:
        raise DeskError(f"the password is too short; use {SHORTEST_PASSWORD} characters or more")
    connection.execute(delete(SESSIONS).where(SESSIONS.c.user == name))
    connection.execute(delete(USERS).where(USERS.c.name == name))
    row = {"name": name, "password": _HASHER.hash(password), "role": role}
    connection.execute(insert(USERS).values(row))
    log.write(connection, at, "command", "user", name, {"role": role})


def remove_user(connection: Connection, name: str, at: float) -> None:
    """Remove a user; what they said stays, their sessions end.

    Raises:
        DeskError: there is no such user.
    """
    if connection.execute(select(USERS.c.name).where(USERS.c.name == name)).first() is None:
        raise DeskError(f"there is no user {name!r}")
    connection.execute(delete(SESSIONS).where(SESSIONS.c.user == name))
    connection.execute(delete(USERS).where(USERS.c.name == name))
    log.write(connection, at, "command", "user removed", name)


def is_limited(connection: Connection, name: str, address: str, at: float) -> bool:
    """Say whether a name or an address has failed too often and must wait."""
    for key, most in ((f"name {name}", "name"), (f"address {address}", "address")):
        query = select(func.count()).where(FAILURES.c.key == key, FAILURES.c.at > at - FAILURES_S)
        if connection.execute(query).scalar_one() >= FAILURES_OF[most]:
            return True
    return False


def count_failure(connection: Connection, name: str, address: str, at: float) -> None:
    """Remember a failed login; forget those too old to count."""
    connection.execute(delete(FAILURES).where(FAILURES.c.at <= at - FAILURES_S))
    keys = (f"name {name}", f"address {address}")
    connection.execute(insert(FAILURES), [{"key": key[:200], "at": at} for key in keys])
    log.write(connection, at, name[:64], "login failed", address)


def is_right(connection: Connection, name: str, password: str) -> bool:
    """Say whether this is the user's password; takes as long where there is no such user."""
    stored = connection.execute(select(USERS.c.password).where(USERS.c.name == name)).scalar()
    try:
        return _HASHER.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def open_session(connection: Connection, name: str, at: float) -> str:
    """Begin a session; return its token, which is stored nowhere here."""
    token = secrets.token_urlsafe(32)
    connection.execute(delete(SESSIONS).where(SESSIONS.c.ends <= at))
    row = {"digest": _digest(token), "user": name, "csrf": secrets.token_urlsafe(32)}
    connection.execute(insert(SESSIONS).values(row | {"ends": at + SESSION_S}))
    log.write(connection, at, name, "login")
    return token


def visitor_of(connection: Connection, token: str, at: float) -> Visitor | None:
    """Return whose session a token is of; None where it is of none that still lasts."""
    query = (
        select(USERS.c.name, USERS.c.role, SESSIONS.c.csrf)
        .join(SESSIONS, SESSIONS.c.user == USERS.c.name)
        .where(SESSIONS.c.digest == _digest(token), SESSIONS.c.ends > at)
    )
    row = connection.execute(query).first()
    return Visitor(*row) if row else None


def close_session(connection: Connection, token: str, name: str, at: float) -> None:
    """End a session."""
    connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == _digest(token)))
    log.write(connection, at, name, "logout")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
