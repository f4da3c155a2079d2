"""Changes the champion: audited, idempotent, and only to bytes that are what was registered.

Whoever calls ``promote`` or ``rollback`` holds ``lock.sole_change``. A change writes its entry of
the audit first and moves the alias then; if it is killed in between, the same command finishes it.
"""

from dataclasses import dataclass

from aislewatch.errors import ModelError, RegistryError
from aislewatch.register.history import (
    Action,
    AuditEntry,
    champion_before,
    checked_reason,
    next_entry,
    read_entries,
)
from aislewatch.register.stored import find_faults
from aislewatch.register.versions import CHAMPION, Registered, Registry


@dataclass(frozen=True)
class Change:
    """What a command did: nothing where ``entry`` is None, because it was so already."""

    version: Registered
    entry: AuditEntry | None


def promote(registry: Registry, version: Registered, who: str, why: str) -> Change:
    """Make a version champion.

    Raises:
        ModelError: its bytes are not those that were registered.
        RegistryError: no reason is given, or the audit is broken.
    """
    why = checked_reason(why)
    entries = read_entries(registry.model_tags())
    current = registry.by_alias(CHAMPION)
    stated = entries[-1].after if entries else ""
    if current is not None and current.version == version.version == stated:
        return Change(version, None)
    if stated == version.version:
        return _finish(registry, entries[-1])
    return _change(registry, entries, "promote", stated, version, who, why)


def rollback(registry: Registry, who: str, why: str) -> Change:
    """Make the champion before the current one champion again.

    Raises:
        RegistryError: no reason is given, there was none before it, or the audit is broken.
        ModelError: its bytes are not those that were registered.
    """
    why = checked_reason(why)
    entries = read_entries(registry.model_tags())
    current = registry.by_alias(CHAMPION)
    last = entries[-1] if entries else None
    if last and last.action == "rollback" and current and current.version == last.before:
        return _finish(registry, last)
    before = champion_before(entries)
    if not before:
        raise RegistryError("there was no champion before this one; nothing was changed")
    stated = entries[-1].after
    return _change(registry, entries, "rollback", stated, registry.get(before), who, why)


def verify(registry: Registry, version: Registered) -> str:
    """Say what is wrong with a version's bytes; empty if they are as they were registered."""
    faults = find_faults(registry, version)
    return ", ".join(f"{file} is {fault}" for file, fault in faults.items())


def verify_audit(registry: Registry) -> str:
    """Say what is wrong with the audit; empty if its chain is whole and names the champion."""
    try:
        entries = read_entries(registry.model_tags())
    except RegistryError as error:
        return str(error)
    stated = entries[-1].after if entries else ""
    current = registry.by_alias(CHAMPION)
    found = current.version if current is not None else ""
    if stated != found:
        return (
            f"its last entry makes version {stated or 'none'} champion, the alias is on "
            f"{found or 'none'}: it was moved without `aislewatch models`. Promote the right one"
        )
    return ""


def append(registry: Registry, entry: AuditEntry) -> None:
    """Write the next entry of the audit.

    Raises:
        RegistryError: somebody on another machine wrote it at the same moment.
    """
    registry.set_model_tag(entry.tag, entry.as_tag())
    if registry.model_tags().get(entry.tag) != entry.as_tag():
        raise RegistryError(
            f"{entry.tag} was written by somebody on another machine at the same moment: look at "
            "`aislewatch models list` before you try again"
        )


def _finish(registry: Registry, entry: AuditEntry) -> Change:
    """Move the alias to where the last entry has it: a change was killed, or a hand moved it."""
    version = _sound(registry, registry.get(entry.after))
    registry.set_alias(CHAMPION, version)
    return Change(version, entry)


def _change(
    registry: Registry,
    entries: list[AuditEntry],
    action: Action,
    before: str,
    version: Registered,
    who: str,
    why: str,
) -> Change:
    _sound(registry, version)
    entry = next_entry(entries, action, before, version.version, who, why)
    append(registry, entry)
    registry.set_alias(CHAMPION, version)
    return Change(version, entry)


def _sound(registry: Registry, version: Registered) -> Registered:
    fault = verify(registry, version)
    if fault:
        raise ModelError(f"version {version.version} was not made champion: {fault}")
    return version
