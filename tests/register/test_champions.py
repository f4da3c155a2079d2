"""Promotions and rollbacks on a small real registry: what lasts, what is refused, what is shown."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.cli.main import main
from aislewatch.console import one_line
from aislewatch.errors import RegistryError
from aislewatch.register.champions import promote, rollback
from aislewatch.register.gate import challenge
from aislewatch.register.history import GATE, read_entries
from aislewatch.register.verdict import write_verdict
from aislewatch.register.versions import CHAMPION, Registered, Registry
from tests.tiny_registry import add_version, new_registry

# What the gate must not need where it leaves the decision to people.
UNUSED: Any = None


@pytest.fixture
def registry(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    return new_registry(tmp_path, empty_store, monkeypatch)


@pytest.fixture
def two(registry: Registry) -> tuple[Registered, Registered]:
    """Two versions; the second took the place of the first."""
    first, second = add_version(registry, "first"), add_version(registry, "second")
    for version in (first, second):
        promote(registry, version, GATE, "better")
    return first, second


def judged(registry: Registry, version: Registered) -> str:
    return challenge(registry, version, Path("unused"), UNUSED, UNUSED, "", UNUSED).reason


def champion(registry: Registry) -> str:
    version = registry.by_alias(CHAMPION)
    return version.version if version else ""


def test_what_was_rolled_back_is_promoted_by_a_person_only(
    registry: Registry, two: tuple[Registered, Registered], tmp_path: Path
) -> None:
    first, second = two
    assert "are the champion already" in judged(registry, second)
    rollback(registry, "ann", "alarms [/] at night")
    verdict = challenge(registry, second, Path("unused"), UNUSED, UNUSED, "", UNUSED)
    assert not verdict.promote
    assert "ann rolled version 2 back" in verdict.reason
    assert "alarms [/] at night" in verdict.reason
    assert "aislewatch models promote 2" in verdict.reason
    write_verdict("cnn, version 2", verdict, tmp_path / "page")
    assert "a person decides" in (tmp_path / "page/index.html").read_text()
    # Nor does it slip in where a hand moved the alias, or took it away.
    registry.set_alias(CHAMPION, second)
    assert "a person alone" in judged(registry, second)
    registry.client.delete_registered_model_alias("aislewatch", CHAMPION)
    assert "a person alone" in judged(registry, second)
    assert "are the champion already" in judged(registry, _again(registry, first))


def _again(registry: Registry, version: Registered) -> Registered:
    promote(registry, version, "ann", "once more")
    return version


def test_a_person_lifts_it_and_another_rollback_sets_it_again(
    registry: Registry, two: tuple[Registered, Registered]
) -> None:
    _, second = two
    third = add_version(registry, "third")
    promote(registry, third, GATE, "better")
    rollback(registry, "ann", "worse")
    rollback(registry, "ann", "worse, too")
    assert champion(registry) == "1"
    for version in (second, third):
        assert "a person alone" in judged(registry, version)
    promote(registry, third, "ben", "it was the camera")
    assert "are the champion already" in judged(registry, third)
    assert "a person alone" in judged(registry, second)
    rollback(registry, "ben", "it was not")
    assert "a person alone" in judged(registry, third)


@pytest.mark.parametrize("why", ["", "  ", "\n\t", "\x1b\u202e", "x" * 5000, "\U0001f600" * 400])
def test_a_reason_that_says_nothing_or_too_much_is_refused(
    registry: Registry, two: tuple[Registered, Registered], why: str
) -> None:
    with pytest.raises(RegistryError, match="the reason"):
        rollback(registry, "ann", why)
    with pytest.raises(RegistryError, match="the reason"):
        promote(registry, two[0], "ann", why)
    assert champion(registry) == "2"
    assert len(read_entries(registry.model_tags())) == 2


REASONS = [
    "[/]",
    "[bold",
    "[red]x[/red] [link=a]",
    ":boom: 100 %",
    "a\nb\x1b[2J\rc",
    "half \udcff",
    "“ü”",
]


def test_any_reason_is_listed(
    registry: Registry, two: tuple[Registered, Registered], capfd: pytest.CaptureFixture[str]
) -> None:
    for number, why in enumerate(REASONS):
        promote(registry, two[number % 2], "ann [x]", why)
        registry.set_version_tags(two[number % 2], {"verdict": one_line(why), "model": "[/]"})
    main(["models", "list"])
    listed = capfd.readouterr().out
    for why in REASONS:
        assert one_line(why) in listed
    assert "\x1b" not in listed
    lines = listed.splitlines()
    assert len([line for line in lines if ": promote " in line]) == 2 + len(REASONS)


@given(st.text())
def test_one_line_is_one_line_whatever_the_text(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == one_line(line)
    line.encode()
