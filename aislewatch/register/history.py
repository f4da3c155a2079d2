"""Keeps who made which version champion, when and why: a chain of entries in the registry.

Each entry is a tag of the registered model, ``audit.000001`` and so on, and holds the sha256 of the
one before it: an entry that was changed, removed or put in between breaks the chain. The champion
before the current one is read from it, too, so `rollback` needs no memory of its own.
"""

import getpass
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from aislewatch.console import one_line
from aislewatch.errors import RegistryError

PREFIX = "audit."

# Who promotes where the gate does; every other name is a person's.
GATE = "stage register"

# Who declines a version that nobody approved in time.
DEADLINE = "deadline"

# Longest reason in characters of JSON: an entry is a tag of MLflow's, whose database keeps 5,000,
# and its other fields take under 500. The gate's own longest reason has about 600.
MAX_REASON = 4000

Action = Literal["promote", "rollback", "decline"]


@dataclass(frozen=True)
class AuditEntry:
    """One change of the champion; versions are numbers as MLflow gives them, "" for none.

    Of a declined version ``before`` is its number, and ``after`` the champion that stays. ``time``
    is UTC. ``previous`` is the sha256 of the entry before it, "" for the first.
    """

    number: int
    time: str
    who: str
    action: Action
    before: str
    after: str
    why: str
    previous: str

    @property
    def digest(self) -> str:
        """Compute the sha256 of everything above."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def tag(self) -> str:
        """Return its name in the registry."""
        return f"{PREFIX}{self.number:06d}"

    def as_tag(self) -> str:
        """Return its value in the registry."""
        return json.dumps(asdict(self) | {"digest": self.digest}, sort_keys=True)


def read_entries(tags: Mapping[str, str]) -> list[AuditEntry]:
    """Read the entries in the tags of a registered model, oldest first.

    Raises:
        RegistryError: the chain is broken; says at which entry.
    """
    entries: list[AuditEntry] = []
    for name in sorted(name for name in tags if name.startswith(PREFIX)):
        try:
            values = json.loads(tags[name])
            stated = values.pop("digest")
            entry = AuditEntry(**values)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _broken(name, "is no entry") from None
        previous = entries[-1].digest if entries else ""
        if entry.digest != stated:
            raise _broken(name, "was changed after it was written")
        if entry.number != len(entries) + 1 or entry.tag != name or entry.previous != previous:
            raise _broken(name, "does not follow the entry before it: one was removed or replaced")
        entries.append(entry)
    return entries


def next_entry(
    entries: list[AuditEntry], action: Action, before: str, after: str, who: str, why: str
) -> AuditEntry:
    """Make the entry for a change that happens now."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    first = AuditEntry(1, stamp, who, action, before, after, why, "")
    if not entries:
        return first
    return replace(first, number=entries[-1].number + 1, previous=entries[-1].digest)


def champion_before(entries: list[AuditEntry]) -> str:
    """Return the version to roll back to: the champion before this one; "" if there is none.

    A rollback takes the top off the stack of promotions, so that two in a row go back two
    champions instead of to and fro.
    """
    stack: list[str] = []
    for entry in entries:
        if entry.action == "rollback":
            stack.pop()
        elif entry.action == "promote":
            stack.append(entry.after)
    return stack[-2] if len(stack) > 1 else ""


def refused(entries: list[AuditEntry], version: str) -> AuditEntry | None:
    """Find what rolled a version back or declined it, unless a person has promoted it since."""
    found = None
    for entry in entries:
        if entry.action != "promote" and entry.before == version:
            found = entry
        elif entry.action != "decline" and entry.after == version and entry.who != GATE:
            found = None
    return found


def checked_reason(why: str) -> str:
    """Return a reason as the audit keeps it: one line that every terminal can show.

    Raises:
        RegistryError: it says nothing, or is too long.
    """
    reason = one_line(why)
    if not reason:
        raise RegistryError("the reason is empty: say in --why what the next person should know")
    if len(json.dumps(reason)) > MAX_REASON:
        raise RegistryError(
            f"the reason has {len(reason):,} characters, more than the audit can keep; say it in a "
            "few sentences and name where the rest is"
        )
    return reason


def this_person() -> str:
    """Name the user of this machine, for the audit."""
    try:
        return one_line(getpass.getuser()) or "unknown"
    except (OSError, KeyError):  # A user id without a name; Python 3.13 says the former.
        return "unknown"


def _broken(name: str, fault: str) -> RegistryError:
    return RegistryError(
        f"the audit of the champion is broken: the tag {name} of the registered model {fault}. "
        "Find out who did it before anything else is promoted; a backup of the tracking server's "
        "database has the true entries"
    )
