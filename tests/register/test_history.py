"""The audit's chain: whatever is done to an entry is seen; rollbacks go back and not to and fro."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.errors import RegistryError
from aislewatch.register.history import AuditEntry, champion_before, next_entry, read_entries


def history(changes: list[bool]) -> list[AuditEntry]:
    """True promotes the next version, False rolls back where that is possible."""
    entries: list[AuditEntry] = []
    stack: list[str] = []
    for number, is_promotion in enumerate(changes, start=1):
        if is_promotion:
            before = stack[-1] if stack else ""
            stack.append(str(number))
            entries.append(next_entry(entries, "promote", before, stack[-1], "ann", "better"))
        elif champion_before(entries):
            before = stack.pop()
            entries.append(next_entry(entries, "rollback", before, stack[-1], "ben", "worse"))
    return entries


def tags_of(entries: list[AuditEntry]) -> dict[str, str]:
    return {"other": "tag"} | {entry.tag: entry.as_tag() for entry in entries}


@given(st.lists(st.booleans(), max_size=12))
def test_what_was_written_is_read_back_and_names_the_champion_before(changes: list[bool]) -> None:
    entries = history(changes)
    assert read_entries(tags_of(entries)) == entries
    stack: list[str] = []
    for entry in entries:
        assert entry.before == (stack[-1] if stack else "")
        stack = [*stack, entry.after] if entry.action == "promote" else stack[:-1]
        assert entry.after == stack[-1]
    assert champion_before(entries) == (stack[-2] if len(stack) > 1 else "")


@given(st.data())
def test_a_changed_removed_or_moved_entry_is_seen(data: st.DataObject) -> None:
    tags = tags_of(history([True, True, False, True]))
    victim = data.draw(st.sampled_from(sorted(tags)[:-1]), label="victim")
    deed = data.draw(st.sampled_from(["why", "remove", "move", "spoil"]), label="deed")
    if deed == "why":
        tags[victim] = json.dumps(json.loads(tags[victim]) | {"why": "because"})
    elif deed == "spoil":
        tags[victim] = tags[victim][:-5]
    else:
        entry = tags.pop(victim)
        if deed == "move":
            tags["audit.000009"] = entry
    last = sorted(name for name in tags if name.startswith("audit."))
    if deed == "remove" and victim == "audit.000004":
        assert len(last) == 3  # a chain does not know its own end; the alias does
        return
    with pytest.raises(RegistryError, match="the audit of the champion is broken"):
        read_entries(tags)
