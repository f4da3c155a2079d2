"""MLflow's store follows its project: moved or copied, it knows nothing of where it was."""

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from aislewatch.errors import ModelError
from aislewatch.recording.client import connect
from aislewatch.register.champions import verify
from aislewatch.register.stored import fetched
from aislewatch.register.versions import Registry
from tests.code_closure import ROOT
from tests.projects import run
from tests.tiny_registry import add_version


@pytest.fixture
def original(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one registered version, and the working folder."""
    folder = tmp_path / "a shop (1)"
    folder.mkdir()
    shutil.copy(empty_store, folder)
    monkeypatch.chdir(folder)
    registry = Registry("aislewatch")
    add_version(registry, "first")
    model = registry.client.create_logged_model(registry.experiment, "net")
    registry.client.finalize_logged_model(model.model_id, "READY")
    return folder


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go there as a new process would: MLflow keeps its last store in the environment."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(folder)


def addresses(folder: Path, old: Path) -> list[tuple[str, str]]:
    """Every column of the store in which a path of ``old`` stands."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        columns = [
            (table, row[1])
            for (table,) in tables
            for row in store.execute(f"PRAGMA table_info('{table}')").fetchall()
        ]
        return [
            (table, column)
            for table, column in columns
            for spelled in (f"{old}/", f"{old.as_uri()}/")
            if store.execute(
                f"SELECT 1 FROM '{table}' WHERE instr({column}, ?)", (spelled,)
            ).fetchone()
        ]


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_neither_reads_nor_writes_the_original(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    [weights] = original.glob("mlartifacts/*/artifacts/model-*/aislewatch/weights.safetensors")
    weights.write_text("of the original alone")
    before = files(original)
    enter(copy, monkeypatch)
    registry = Registry("aislewatch")
    [version] = registry.versions()
    assert verify(registry, version) == ""
    add_version(registry, "second")
    # In a process of its own: MLflow remembers where a run's artifacts are.
    later = "from aislewatch.recording.client import connect; import sys\n"
    later += "connect()[0].log_text(sys.argv[1], 'later', 'notes.txt')"
    run(copy, sys.executable, "-c", later, version.run_id, PYTHONPATH=str(ROOT))
    assert len(list(copy.glob("mlartifacts/*/artifacts/notes.txt"))) == 1
    assert addresses(copy, original) == []
    assert len(addresses(copy, copy)) >= 5
    assert files(original) == before
    enter(original, monkeypatch)
    registry = Registry("aislewatch")
    assert "changed" in verify(registry, registry.versions()[0])


def test_a_moved_project_finds_its_versions(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = original.rename(tmp_path / "elsewhere")
    enter(moved, monkeypatch)
    registry = Registry("aislewatch")
    assert verify(registry, registry.versions()[0]) == ""
    assert addresses(moved, original) == []


@pytest.mark.parametrize("artifacts", ["here", "there"])
def test_a_store_of_before_is_judged_by_where_its_artifacts_are(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artifacts: str
) -> None:
    """Several worktrees may share one database whose artifacts lie beside another."""
    with sqlite3.connect("mlflow.db") as store:
        store.execute("DELETE FROM experiment_tags WHERE key = 'aislewatch.home'")
    copy = tmp_path / "copy"
    if artifacts == "here":
        shutil.copytree(original, copy)
    else:
        copy.mkdir()
        shutil.copy(original / "mlflow.db", copy)
    enter(copy, monkeypatch)
    connect()
    assert (addresses(copy, original) == []) == (artifacts == "here")


def test_a_file_that_is_no_store_of_mlflow_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(b"no database at all, but long enough to be read as one")
    with pytest.raises(Exception, match=r"mlflow\.db cannot be used: file is not a database"):
        connect()


def test_a_version_whose_bytes_are_gone_is_said_to_be_so(original: Path) -> None:
    registry = Registry("aislewatch")
    shutil.rmtree(original / "mlartifacts")
    [version] = registry.versions()
    with pytest.raises(ModelError, match="cannot be fetched"), fetched(registry, version):
        pass
