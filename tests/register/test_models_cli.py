"""``aislewatch models`` on a real registry: every change audited, none to bytes that differ."""

import json
from pathlib import Path

import pytest

from aislewatch.cli.main import main
from tests.projects import ask, clone_project, mlflow_client, run, set_params
from tests.tiny_registry import add_version, new_registry


def champion(project: Path) -> str:
    client = mlflow_client(project)
    return str(client.get_model_version_by_alias("aislewatch", "champion").version)


def audit(project: Path) -> list[dict[str, str]]:
    tags = mlflow_client(project).get_registered_model("aislewatch").tags
    return [json.loads(tags[name]) for name in sorted(tags) if name.startswith("audit.")]


def registered(project: Path, name: str) -> Path:
    """A file of version 1 where MLflow keeps it."""
    digest = mlflow_client(project).get_model_version("aislewatch", "1").tags["digest"]
    [file] = project.glob(f"mlartifacts/*/artifacts/model-{digest[:12]}/{name}")
    return file


@pytest.fixture(scope="module")
def second(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The champion's weights registered again with another alert rule, promoted by a person."""
    project = clone_project(finished, tmp_path_factory.mktemp("second") / "a shop")
    set_params(project, {"alerts": {"fallback_threshold": 0.7}})
    output = run(project, "dvc", "repro", "register")
    assert "not shown to be better" in output, "no alert of either rule: the gate sees no gain"
    assert champion(project) == "1"
    ask(project, "models", "promote", "2", "--why", "a rule to try")
    assert champion(project) == "2"
    return project


@pytest.fixture
def two_versions(second: Path, tmp_path: Path) -> Path:
    """A copy of it, to do things to."""
    return clone_project(second, tmp_path / "a shop")


def test_the_champion_goes_back_and_forth_on_the_record(two_versions: Path) -> None:
    project = two_versions
    assert "version 1 is champion again" in ask(
        project, "models", "rollback", "--why", "too many alarms"
    )
    assert champion(project) == "1"
    # As if that command had been killed between its entry and the alias.
    mlflow_client(project).set_registered_model_alias("aislewatch", "champion", "2")
    ask(project, "models", "rollback", "--why", "once more")
    assert champion(project) == "1"
    Path(project / "registration.json").unlink()
    again = run(project, "dvc", "repro", "register")
    assert "a person alone makes it champion again" in again
    assert champion(project) == "1", "the gate took no rolled-back version"
    assert "no champion before this one" in ask(
        project, "models", "rollback", "--why", "again", fails=True
    )
    for words in ("version 2 is champion now", "version 2 is champion already"):
        assert words in ask(project, "models", "promote", "2", "--why", "tried it")
    entries = audit(project)
    assert [(e["action"], e["before"], e["after"]) for e in entries] == [
        ("promote", "", "1"),
        ("promote", "1", "2"),
        ("rollback", "2", "1"),
        ("promote", "1", "2"),
    ]
    assert [entry["why"] for entry in entries[2:]] == ["too many alarms", "tried it"]
    assert entries[0]["who"] == "stage register"
    listed = ask(project, "models", "list")
    assert "too many alarms" in listed
    assert "champion" in listed
    assert "has no version '9'; there are: 1, 2" in ask(
        project, "models", "promote", "9", "--why", "x", fails=True
    )


def test_verify_sees_a_flipped_byte_a_moved_alias_and_a_changed_entry(
    two_versions: Path,
) -> None:
    project = two_versions
    assert "names the champion" in ask(project, "models", "verify")
    file = registered(project, "aislewatch/model_card.md")
    kept = file.read_bytes()
    file.write_bytes(kept.replace(b"Prohibited", b"Encouraged"))
    output = ask(project, "models", "verify", fails=True)
    refused = ask(project, "models", "rollback", "--why", "x", fails=True)
    file.write_bytes(kept)
    assert "version 1: aislewatch/model_card.md is changed" in output
    assert "version 1 was not made champion" in refused
    assert champion(project) == "2"
    client = mlflow_client(project)
    client.set_registered_model_alias("aislewatch", "champion", "1")
    output = ask(project, "models", "verify", fails=True)
    assert "moved without `aislewatch models`" in output
    ask(project, "models", "promote", "2", "--why", "what the audit says")
    assert champion(project) == "2"
    assert len(audit(project)) == 2
    entry = audit(project)[1] | {"why": "no reason"}
    client.set_registered_model_tag("aislewatch", "audit.000002", json.dumps(entry))
    output = ask(project, "models", "verify", fails=True)
    assert "audit.000002 of the registered model was changed" in output


def test_the_list_shows_the_share_of_time_in_alert(finished: Path) -> None:
    summary = json.loads((finished / "metrics/evaluate.json").read_text())
    share = summary["models"][summary["selected"]]["alerts"]["alert_share"]
    [version] = mlflow_client(finished).search_model_versions("name = 'aislewatch'")
    assert version.tags["test.alert_share"] == f"{share}"
    listed = ask(finished, "models", "list")
    assert "In alert" in listed
    assert f"{share:.1%}" in listed


def test_the_card_says_what_the_model_is_for_and_what_it_costs(finished: Path) -> None:
    card = ask(finished, "models", "card")
    for words in ("**Prohibited**", "False alarms per camera-hour", "ms on one CPU core"):
        assert words in card
    assert "s on the CPU, no GPU" in card
    [version] = mlflow_client(finished).search_model_versions("name = 'aislewatch'")
    assert version.description.startswith("# Model card")
    data_card = registered(finished, "aislewatch/data_card.md")
    assert "| synthetic | " in data_card.read_text()


def test_the_list_shows_any_reason_and_says_where_an_empty_registry_is(
    tmp_path: Path,
    empty_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry = new_registry(tmp_path, empty_store, monkeypatch)
    main(["models", "list"])
    # Lines break anywhere, so blanks do not count.
    said = "".join(capsys.readouterr().out.split())
    assert "mlflow.dbhasnoversionyet;`dvcrepro`registersone" in said
    add_version(registry, "first")
    main(["models", "promote", "1", "--why", "[red]quieter[/] [/x] {0} <b>\n\x1b[31m\u202egnp"])
    main(["models", "list"])
    said = capsys.readouterr().out
    assert "[red]quieter[/][/x]{0}<b>[31mgnp" in "".join(said.split())
    assert "\x1b" not in said
