"""Lets people decide whether a version that passed the gate becomes champion.

All of the state is in the registry, so no process has to live while a question is open: the
version carries the alias ``challenger`` and these tags. Whoever may write to the registry can
answer by setting ``aislewatch.approval`` to ``approved`` or ``declined``; `settle` acts on that.
Callers hold ``lock.sole_change``.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from aislewatch.config.judging import Register
from aislewatch.console import one_line
from aislewatch.errors import ModelError, RegistryError
from aislewatch.register.champions import append, promote
from aislewatch.register.decision import Verdict
from aislewatch.register.history import (
    DEADLINE,
    GATE,
    checked_reason,
    next_entry,
    read_entries,
    refused,
)
from aislewatch.register.versions import CHALLENGER, CHAMPION, Registered, Registry

# Tags of a version. The first is the one that a person sets by hand, with WHO and WHY if they like.
APPROVAL = "aislewatch.approval"
WHO = f"{APPROVAL}.who"
WHY = f"{APPROVAL}.why"
UNTIL = f"{APPROVAL}.until"
AGAINST = f"{APPROVAL}.against"
SETTLED = f"{APPROVAL}.settled"

WAITING, APPROVED, DECLINED, OVERTAKEN = "waiting", "approved", "declined", "overtaken"


@dataclass(frozen=True)
class Question:
    """A version that waits for people.

    Args:
        version: it.
        until: UTC; an answer after it comes too late.
        against: number of the champion that the gate compared it with, "" for none.
        said: the approval tag; a person may have set it already.
        who: who set it, as they say themselves; "" where they said nothing.
        why: their reason; "" where they said nothing.
    """

    version: Registered
    until: datetime
    against: str
    said: str
    who: str
    why: str


def apply_verdict(
    registry: Registry, version: Registered, verdict: Verdict, settings: Register, now: datetime
) -> Verdict:
    """Do what the gate decided about a version: promote it, ask people, or leave it challenger.

    A version that fails the gate does not take the alias from one that people are asked about.

    Returns:
        The verdict, which says that people decide where they do.
    """
    asked = find_question(registry)
    is_other = asked is not None and asked.version != version
    if is_other and not verdict.promote:
        return verdict
    if asked is not None and is_other:
        _close(registry, asked.version, OVERTAKEN, GATE, f"version {version.version} is newer", now)
    registry.set_alias(CHALLENGER, version)
    if not verdict.promote or verdict.gate == "same":
        return verdict
    if settings.promotion == "ask":
        until = _ask(registry, version, settings.ask_days, now)
        reason = f"people are asked until {_written(until)}: {verdict.reason}"
        return replace(verdict, promote=False, reason=reason)
    promote(registry, version, GATE, verdict.reason)
    settle(registry, now)
    return verdict


def find_question(registry: Registry) -> Question | None:
    """Find the version that people are asked about, if any; only a challenger can be one."""
    version = registry.by_alias(CHALLENGER)
    if version is None:
        return None
    tags = registry.version_tags(version)
    if not tags.get(UNTIL) or tags.get(SETTLED):
        return None
    said = tags.get(APPROVAL, WAITING).strip().lower()
    until = datetime.fromisoformat(tags[UNTIL])
    who, why = one_line(tags.get(WHO, "")), one_line(tags.get(WHY, ""))
    return Question(version, until, tags.get(AGAINST, ""), said, who, why)


def approve(registry: Registry, version: Registered, who: str, why: str, now: datetime) -> None:
    """Make a version champion that people were asked about.

    Raises:
        RegistryError: nobody was asked about it, it is no longer the challenger, the deadline has
            passed, it was compared with another champion than there is now, or no reason is given.
        ModelError: its bytes are not those that were registered.
    """
    why = checked_reason(why)
    settle(registry, now)
    if _is_settled(registry, version, APPROVED) and registry.by_alias(CHAMPION) == version:
        return
    _approve(registry, _open(registry, version), who, why, now)


def _approve(registry: Registry, question: Question, who: str, why: str, now: datetime) -> None:
    version, current = question.version, registry.by_alias(CHAMPION)
    champion = current.version if current else ""
    if champion not in (question.against, version.version):
        raise RegistryError(
            f"version {version.version} was compared with version {question.against or 'none'}, "
            f"and the champion is version {champion or 'none'} now: train again to compare it with "
            f"that one, or say `aislewatch models promote {version.version}` if it is meant"
        )
    promote(registry, version, who, why)
    _close(registry, version, APPROVED, who, why, now)


def decline(registry: Registry, version: Registered, who: str, why: str, now: datetime) -> None:
    """Leave the champion as it is, on the record; the gate does not offer the version again.

    Raises:
        RegistryError: nobody was asked about it, it is champion, or no reason is given.
    """
    why = checked_reason(why)
    settle(registry, now)
    if _is_settled(registry, version, DECLINED):
        return
    _decline(registry, _open(registry, version).version, who, why, now)


def settle(registry: Registry, now: datetime) -> str:
    """Act on the tag that a person set and on a deadline that has passed.

    Nobody knows when a tag was set, so one that is read after the deadline comes too late.

    Returns:
        What was done or has to be mended, in a line; "" if nothing.
    """
    question = find_question(registry)
    if question is None:
        return ""
    version, said = question.version, question.said
    name = f"version {version.version}"
    if registry.by_alias(CHAMPION) == version:
        last = read_entries(registry.model_tags())[-1]
        _close(registry, version, APPROVED, last.who, last.why, now)
        return f"{name} is champion: made so by {last.who}"
    who = question.who or f"whoever set the tag {APPROVAL}"
    if said == DECLINED:
        _decline(registry, version, who, question.why or "no reason given", now)
        return f"{name} was declined by {who}"
    if now > question.until:
        late = " (the approval was seen too late)" if said == APPROVED else ""
        why = f"nobody approved it until {_written(question.until)}{late}"
        _decline(registry, version, DEADLINE, why, now)
        return f"{name} was declined: {why}"
    if said == APPROVED:
        try:
            _approve(registry, question, who, question.why or "no reason given", now)
        except (RegistryError, ModelError) as error:
            return f"{name} still waits: {error}"
        return f"{name} is champion: approved by {who}"
    if said != WAITING:
        return f"{name} still waits: its tag {APPROVAL} is {said!r}, not {APPROVED} or {DECLINED}"
    return ""


def _ask(registry: Registry, version: Registered, days: float, now: datetime) -> datetime:
    """Open the question, or leave it as it is open already; return until when it is."""
    question = find_question(registry)
    if question is not None:
        return question.until
    current = registry.by_alias(CHAMPION)
    until = (now + timedelta(days=days)).replace(microsecond=0)
    asked = {
        SETTLED: "",
        WHO: "",
        WHY: "",
        AGAINST: current.version if current else "",
        APPROVAL: WAITING,
        UNTIL: until.isoformat(),  # last: without it, nobody is asked
    }
    registry.set_version_tags(version, asked)
    return until


def _open(registry: Registry, version: Registered) -> Question:
    question = find_question(registry)
    if question is not None and question.version == version:
        return question
    tags = registry.version_tags(version)
    if tags.get(SETTLED):
        said = f"it is {tags.get(APPROVAL)} since {tags[SETTLED]} by {tags.get(WHO)}"
    elif tags.get(UNTIL):
        said = "it is no longer the challenger"
    else:
        said = "nobody was asked about it"
    raise RegistryError(
        f"version {version.version} does not wait for an answer: {said}. A person may still make "
        f"it champion: `aislewatch models promote {version.version} --why ...`"
    )


def _is_settled(registry: Registry, version: Registered, state: str) -> bool:
    tags = registry.version_tags(version)
    return bool(tags.get(SETTLED)) and tags.get(APPROVAL) == state


def _decline(registry: Registry, version: Registered, who: str, why: str, now: datetime) -> None:
    entries = read_entries(registry.model_tags())
    # It stands there already where a declining was killed before it set the tags.
    if refused(entries, version.version) is None:
        stays = entries[-1].after if entries else ""
        append(registry, next_entry(entries, "decline", version.version, stays, who, why))
    _close(registry, version, DECLINED, who, why, now)


def _close(
    registry: Registry, version: Registered, state: str, who: str, why: str, now: datetime
) -> None:
    # MLflow gives no time of a tag, and one call sets one tag: the last one closes the question.
    tags = {APPROVAL: state, WHO: who, WHY: why, SETTLED: _written(now)}
    registry.set_version_tags(version, tags)


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
