"""People decide about a version: asked, approved, declined, too late; the registry holds it all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aislewatch.config.judging import Register
from aislewatch.errors import ModelError, RegistryError
from aislewatch.register import consent
from aislewatch.register.champions import promote, rollback, verify_audit
from aislewatch.register.consent import apply_verdict, approve, decline, find_question, settle
from aislewatch.register.decision import Verdict
from aislewatch.register.gate import challenge
from aislewatch.register.history import DEADLINE, GATE, AuditEntry, read_entries
from aislewatch.register.verdict import write_verdict
from aislewatch.register.versions import CHALLENGER, CHAMPION, Registered, Registry
from tests.projects import ask
from tests.tiny_registry import add_version, new_registry

ASK = Register(name="aislewatch", promotion="ask", ask_days=7.0)
BETTER = Verdict(True, "events", "it finds more")
WORSE = Verdict(False, "events", "it finds less")
NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
LATE = NOW + timedelta(days=7, seconds=1)
UNUSED: Any = None


@pytest.fixture
def registry(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry whose champion is version 1."""
    found = new_registry(tmp_path, empty_store, monkeypatch)
    promote(found, add_version(found, "first"), GATE, "better than chance")
    return found


def offered(registry: Registry, name: str, verdict: Verdict = BETTER) -> Registered:
    version = add_version(registry, name)
    apply_verdict(registry, version, verdict, ASK, NOW)
    return version


def number(registry: Registry, alias: str) -> str:
    version = registry.by_alias(alias)
    return version.version if version else ""


def last(registry: Registry) -> AuditEntry:
    return read_entries(registry.model_tags())[-1]


def test_the_version_waits_and_a_person_approves_on_the_record(registry: Registry) -> None:
    version = add_version(registry, "second")
    verdict = apply_verdict(registry, version, BETTER, ASK, NOW)
    assert not verdict.promote
    assert verdict.reason == "people are asked until 2026-03-08T03:00:00Z: it finds more"
    assert (number(registry, CHAMPION), number(registry, CHALLENGER)) == ("1", "2")
    # The night after, the same version is offered again: the deadline stays.
    apply_verdict(registry, version, BETTER, ASK, NOW + timedelta(days=1))
    # Whoever asks anew finds the question: nothing of it lives in a process.
    elsewhere = Registry("aislewatch")
    question = find_question(elsewhere)
    assert question is not None
    assert (question.version, question.until) == (version, NOW + timedelta(days=7))
    for _ in range(2):
        approve(elsewhere, version, "ann", "watched its alerts", NOW)
    assert number(registry, CHAMPION) == "2"
    entry = last(registry)
    assert (entry.number, entry.who, entry.why) == (2, "ann", "watched its alerts")
    assert find_question(registry) is None
    assert not verify_audit(registry)


def test_auto_promotes_and_the_gates_no_stays_a_no(registry: Registry) -> None:
    version = add_version(registry, "second")
    auto = ASK.model_copy(update={"promotion": "auto"})
    assert apply_verdict(registry, version, WORSE, auto, NOW) == WORSE
    assert (number(registry, CHAMPION), number(registry, CHALLENGER)) == ("1", "2")
    assert find_question(registry) is None, "nobody is asked about what the gate refused"
    with pytest.raises(RegistryError, match="nobody was asked about it"):
        approve(registry, version, "ann", "I like it", NOW)
    apply_verdict(registry, version, BETTER, ASK, NOW)
    assert apply_verdict(registry, version, BETTER, auto, NOW).promote
    assert (number(registry, CHAMPION), last(registry).who) == ("2", GATE)
    assert find_question(registry) is None, "the question is closed by the gate's own promotion"


def test_a_declined_version_stays_off_until_a_person_promotes_it(
    registry: Registry, tmp_path: Path
) -> None:
    version = offered(registry, "second")
    for _ in range(2):
        decline(registry, version, "ann", "alarms at [/] noon", NOW)
    entry = last(registry)
    assert (entry.number, entry.action, entry.before, entry.after) == (2, "decline", "2", "1")
    assert number(registry, CHAMPION) == "1"
    assert not verify_audit(registry)
    verdict = challenge(registry, version, Path("unused"), UNUSED, UNUSED, "", UNUSED)
    assert not verdict.promote
    assert "ann declined version 2" in verdict.reason
    write_verdict("cnn, version 2", verdict, tmp_path / "page")
    with pytest.raises(RegistryError, match=r"it is declined since 2026-03-01T03:00:00Z by ann"):
        approve(registry, version, "bob", "I disagree", NOW)
    promote(registry, version, "bob", "I disagree")
    assert rollback(registry, "ann", "no").version.version == "1", "a declining is no champion"


def test_after_the_deadline_it_is_declined(registry: Registry) -> None:
    version = offered(registry, "second")
    assert not settle(registry, NOW + timedelta(days=7))
    with pytest.raises(RegistryError, match=r"it is declined since .* by deadline"):
        approve(registry, version, "ann", "at last", LATE)
    assert (last(registry).who, number(registry, CHAMPION)) == (DEADLINE, "1")
    assert not settle(registry, LATE)


@pytest.mark.parametrize(
    ("tag", "when", "said", "who", "champion"),
    [
        (" Approved ", NOW, "is champion: approved by bob", "bob", "2"),
        ("declined", NOW, "was declined by bob", "bob", "1"),
        ("declined", LATE, "was declined by bob", "bob", "1"),
        ("approved", LATE, "the approval was seen too late", DEADLINE, "1"),
    ],
)
def test_a_tag_set_in_mlflow_is_an_answer(
    registry: Registry, tag: str, when: datetime, said: str, who: str, champion: str
) -> None:
    version = offered(registry, "second")
    registry.set_version_tags(version, {consent.APPROVAL: tag, consent.WHO: "bob"})
    assert said in settle(registry, when)
    assert (last(registry).who, number(registry, CHAMPION)) == (who, champion)
    assert not settle(registry, when)


def test_a_tag_that_is_no_answer_changes_nothing(registry: Registry) -> None:
    version = offered(registry, "second")
    registry.set_version_tags(version, {consent.APPROVAL: "yes"})
    assert "its tag aislewatch.approval is 'yes'" in settle(registry, NOW)
    assert (last(registry).number, number(registry, CHAMPION)) == (1, "1")
    registry.set_version_tags(version, {consent.APPROVAL: "approved"})
    settle(registry, NOW)
    assert last(registry).who == "whoever set the tag aislewatch.approval"


def test_a_stale_approval_is_refused(registry: Registry) -> None:
    """The champion it was compared with, the version and its bytes must be what they were."""
    second = offered(registry, "second")
    other = add_version(registry, "other")
    promote(registry, other, "ann", "a hurry")
    with pytest.raises(RegistryError, match=r"with version 1, and the champion is .* 3 "):
        approve(registry, second, "bob", "good", NOW)
    registry.set_version_tags(second, {consent.APPROVAL: "approved"})
    assert "still waits: version 2 was compared with version 1" in settle(registry, NOW)
    rollback(registry, "ann", "back")
    newer = offered(registry, "newer")
    with pytest.raises(RegistryError, match="it is overtaken since"):
        approve(registry, second, "bob", "good", NOW)
    [file] = Path.cwd().rglob(f"model-{newer.digest[:12]}/model.onnx")
    file.write_text("something else")
    with pytest.raises(ModelError, match="not made champion"):
        approve(registry, newer, "bob", "good", NOW)
    assert number(registry, CHAMPION) == "1"


def test_a_worse_version_takes_no_question_away(registry: Registry) -> None:
    good = offered(registry, "good")
    offered(registry, "worse", WORSE)
    assert number(registry, CHALLENGER) == good.version
    approve(registry, good, "ann", "it is good", NOW)
    offered(registry, "worse still", WORSE)
    assert number(registry, CHALLENGER) == "4", "with nobody asked, the newest is the challenger"


class _KilledError(Exception):
    """Stands for SIGKILL at a call of the registry."""


@pytest.mark.parametrize("answer", [approve, decline])
def test_an_answer_killed_at_any_write_is_finished_by_saying_it_again(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, answer: Callable[..., None]
) -> None:
    version = offered(registry, "second")
    set_tag = registry.client.set_model_version_tag
    for writes in range(4):

        def killed(*arguments: str, left: list[int] = [writes]) -> None:  # noqa: B006 - a counter
            if not left[0]:
                raise _KilledError
            left[0] -= 1
            set_tag(*arguments)

        monkeypatch.setattr(registry.client, "set_model_version_tag", killed)
        with pytest.raises(_KilledError):
            answer(registry, version, "ann", "seen", NOW)
        monkeypatch.setattr(registry.client, "set_model_version_tag", set_tag)
    answer(registry, version, "ann", "seen", NOW)
    assert len(read_entries(registry.model_tags())) == 2, "one entry, however often it was said"
    assert number(registry, CHAMPION) == ("2" if answer is approve else "1")
    assert find_question(registry) is None
    assert not verify_audit(registry)


def test_the_first_champion_is_asked_about_too(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = new_registry(tmp_path, empty_store, monkeypatch)
    version = offered(registry, "first", replace(BETTER, gate="first"))
    assert number(registry, CHAMPION) == ""
    decline(registry, version, "ann", "not yet", NOW)
    assert not verify_audit(registry)
    second = offered(registry, "second")
    approve(registry, second, "ann", "this one", NOW)
    assert number(registry, CHAMPION) == "2"


def test_the_command_line_shows_the_question_and_takes_the_answer(registry: Registry) -> None:
    folder, now = Path.cwd(), datetime.now(UTC)
    apply_verdict(registry, add_version(registry, "second"), BETTER, ASK, now)
    assert "Version 2 waits until" in ask(folder, "models", "list")
    assert "no version waits for what" in ask(folder, "models", "settle")
    ask(folder, "models", "approve", "2", "--why", "seen", "--who", "Ann")
    assert (last(registry).who, number(registry, CHAMPION)) == ("Ann", "2")
    apply_verdict(registry, add_version(registry, "third"), BETTER, ASK, now)
    ask(folder, "models", "decline", "3", "--why", "alarms")
    assert "decline 3: alarms" in ask(folder, "models", "list")
    assert "it is declined since" in ask(
        *(folder, "models", "approve", "3", "--why", "but yes"), fails=True
    )
