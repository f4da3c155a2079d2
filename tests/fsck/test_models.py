"""What ``aislewatch fsck`` says of registered versions: never to delete one, never a password."""

import json
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from aislewatch.findings import Fault, Finding
from aislewatch.fsck.models import check_models
from aislewatch.fsck.report import check_all
from aislewatch.recording.client import connect
from aislewatch.register.bundle import write_manifest
from aislewatch.register.versions import Registered, Registry
from tests.code_closure import ROOT
from tests.projects import environment

NAME = "aislewatch"
SECRET = "s3cret-word"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> Path:
    """A folder with parameters and MLflow's store, where nothing has run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    return tmp_path


def register(project: Path, digest: str) -> tuple[Registered, Path]:
    """Register a version with these few files; it, and the folder they are kept in."""
    bundle = project / f"bundle {digest}"
    (bundle / "aislewatch").mkdir(parents=True)
    for name in ("model.onnx", "aislewatch/weights.safetensors", "aislewatch/config.json"):
        (bundle / name).write_text(f"{name} of {digest}")
    manifest = write_manifest(bundle)
    client, experiment = connect()
    run = client.create_run(experiment).info
    version = Registry(NAME).add(bundle, run.run_id, {"digest": digest, "manifest": manifest})
    [kept] = project.glob(f"mlartifacts/{run.run_id}/artifacts/model-{digest}")
    return version, kept


def found(*, outputs_sound: bool = True) -> list[Finding]:
    n_versions, findings = check_models(NAME, outputs_sound=outputs_sound)
    assert n_versions == len(Registry(NAME).versions())
    for one in findings:
        assert "delete" not in one.repair, one
        subprocess.run(one.repair, shell=True, check=True)
    return findings


def test_a_damaged_version_is_kept_and_how_to_bring_it_back_is_said(project: Path) -> None:
    version, kept = register(project, "d1")
    (kept / "model.onnx").write_text("other")
    (kept / "aislewatch/weights.safetensors").unlink()
    (kept / "notes.txt").write_text("left by somebody")
    by_file = {str(one.path).removeprefix(f"{version.uri}/"): one for one in found()}
    assert {name: one.fault for name, one in by_file.items()} == {
        "model.onnx": Fault.CHANGED,
        "aislewatch/weights.safetensors": Fault.MISSING,
        "notes.txt": Fault.STRAY,
    }
    for name in ("model.onnx", "aislewatch/weights.safetensors"):
        assert str(kept) in by_file[name].repair
        assert "aislewatch checkout 1 ../version-1 --run-again" in by_file[name].repair
    assert "the version itself is as it was registered" in by_file["notes.txt"].repair


@pytest.mark.parametrize("outputs_sound", [True, False])
@pytest.mark.parametrize("is_current", [True, False])
def test_a_version_that_could_not_be_read_is_not_called_lost(
    project: Path, is_current: bool, outputs_sound: bool
) -> None:
    version, kept = register(project, "d1")
    if is_current:
        (project / "registration.json").write_text(
            json.dumps({"name": "aislewatch", "digest": "d1"})
        )
    # As root reads what it may not, a loop stands for each folder that cannot be entered.
    aside = kept.parent.rename(kept.parent.with_name("aside"))
    kept.parent.symlink_to(kept.parent.name)
    [one] = found(outputs_sound=outputs_sound)
    assert (one.path, one.fault, one.then) == (f"{version.uri}/.", Fault.UNREADABLE, "")
    assert "nothing is known to be lost" in one.repair
    assert (project / "registration.json").exists() == is_current
    kept.parent.unlink()
    aside.rename(kept.parent)
    assert found() == []


def test_files_that_are_gone_are_said_to_be_gone(project: Path) -> None:
    version, kept = register(project, "d1")
    kept.rename(project / "elsewhere")
    [one] = found()
    assert (one.path, one.fault) == (f"{version.uri}/.", Fault.MISSING)
    assert "from a backup" in one.repair
    # The version that models/ holds is made again from there.
    (project / "registration.json").write_text(json.dumps({"name": "aislewatch", "digest": "d1"}))
    [one] = found()
    assert (one.repair, one.then) == ("rm -f registration.json", "dvc repro")


def test_no_address_shows_its_password(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, kept = register(project, "d1")
    (kept / "model.onnx").write_text("other")
    monkeypatch.setattr(
        "aislewatch.fsck.models.place",
        lambda registry, version: f"mlflow-artifacts://ann:{SECRET}@host/1/model",
    )
    monkeypatch.setattr(
        "aislewatch.fsck.models.find_faults", lambda registry, version: {"a": Fault.CHANGED}
    )
    [one] = found()
    assert "ann:***@host" in one.repair
    (project / ".dvc").mkdir()
    (project / ".dvc/config").write_text(
        f"[core]\n    remote = far\n['remote \"far\"']\n    url = https://ann:{SECRET}@far/shop\n"
    )
    report = check_all(lambda done, total: None)
    assert "https://ann:***@far/shop" in report.notes[0]
    assert SECRET not in report.describe() + report.as_json()


@pytest.mark.parametrize("kind", ["dead", "locked", "damaged"])
def test_where_mlflow_does_not_answer_all_else_is_reported(project: Path, kind: str) -> None:
    stray = project / ".aislewatch/store/notes.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("left by somebody")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {"PYTHONPATH": str(ROOT)}
    if kind == "dead":
        variables["MLFLOW_TRACKING_URI"] = f"http://ann:{SECRET}@127.0.0.1:{port}"
    if kind == "damaged":
        (project / "mlflow.db").write_bytes(b"no database at all, but long enough to look like it")
    with sqlite3.connect(project / "mlflow.db", isolation_level=None) as other:
        if kind == "locked":
            other.execute("BEGIN EXCLUSIVE")
        told = fsck(project, variables)
        stray.unlink()
        quiet = fsck(project, variables)
    for report, n_faults in ((told, 1), (quiet, 0)):
        assert len(report["findings"]) == n_faults
        assert f"the registered versions of {NAME}: MLflow at" in report["notes"][-1]
        assert "cannot be used" in report["notes"][-1]
        assert not any("registered versions" in place for place in report["places"])


def fsck(project: Path, variables: dict[str, str]) -> dict:
    """What the command prints for a program; it ends with 1 in each of these cases."""
    command = ["aislewatch", "fsck", "--json"]
    done = subprocess.run(
        command,
        cwd=project,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert SECRET not in done.stdout + done.stderr
    report: dict = json.loads(done.stdout)
    return report
