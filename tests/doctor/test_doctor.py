"""`aislewatch doctor`: what is wrong is found, with what to do; no password is shown."""

import json
import os
import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from aislewatch.cli.main import main
from aislewatch.doctor import machine, services
from aislewatch.doctor.rows import CheckRow, safe, written
from tests.code_closure import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without services."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "requirements").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path


def test_the_command_shows_every_row_and_fails_if_one_is_bad(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prefect's half is asked as a process; nobody answers at MLflow's address."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:geheimnis@127.0.0.1:9/")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "somebody:anotherone")
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    monkeypatch.setenv("PYTHONPATH", os.fspath(ROOT))
    with pytest.raises(SystemExit) as end:
        main(["doctor"])
    assert end.value.code == 1
    said = capsys.readouterr().out
    for what in ("python", "packages", "PyAV", "ffmpeg", "GPU", "disk", "clock", "DVC remote"):
        assert f" {what} " in said
    assert "bad  MLflow" in said
    assert "bad  Prefect" in said
    assert "geheimnis" not in said
    assert "anotherone" not in said
    assert said.splitlines()[-1].endswith("to mind")


def test_another_version_than_the_pinned_one_is_named(folder: Path) -> None:
    lock = folder / "requirements/lock.txt"
    lock.write_text(f"# pins\nnumpy=={metadata.version('numpy')}\nno-such-thing==1.0\n")
    assert machine.look_at_pins() == CheckRow(
        "packages", "ok", f"1 as pinned in {machine.LOCKS[0]}"
    )
    lock.write_text(f"numpy=={metadata.version('numpy')}\npandas==0.1  # old\n")
    row = machine.look_at_pins()
    assert row.level == "warn"
    assert f"pandas {metadata.version('pandas')} (pinned: 0.1)" in row.says
    assert "numpy" not in row.says


@pytest.mark.parametrize(
    ("free", "level"), [(2**30, "bad"), (10 * 2**30, "warn"), (100 * 2**30, "ok")]
)
def test_little_room_is_told(free: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=2**40, used=0, free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert machine.look_at_place()[0].level == level


def test_the_remote_is_there_or_not(folder: Path) -> None:
    assert services.look_at_remote().level == "warn"
    configuration = "[core]\n    remote = copy\n['remote \"copy\"']\n    url = {}\n"
    (folder / ".dvc/config").write_text(configuration.format("../nowhere"))
    assert services.look_at_remote().level == "bad"
    (folder / "nowhere").mkdir()
    assert services.look_at_remote().level == "ok"
    (folder / ".dvc/config").write_text(configuration.format("ssh://me:secret@host/place"))
    row = services.look_at_remote()
    assert row.level == "ok"
    assert "secret" not in row.says


def test_a_run_that_ended_unrecorded_is_stale(folder: Path) -> None:
    assert services.look_at_recordings().level == "ok"
    execution = folder / ".aislewatch/runs/20260101-000000-1"
    execution.mkdir(parents=True)
    facts = {"pid": 2**22 + 1, "pid_started": 0.0}
    (execution / "execution.json").write_text(json.dumps(facts))
    assert services.look_at_recordings().says.endswith(execution.name)
    (execution / "closed.json").write_text("{}")
    assert services.look_at_recordings().level == "ok"


def test_a_device_that_is_not_there_is_bad(folder: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    params = folder / "params.yaml"
    for line in params.read_text().splitlines():
        if line.strip().startswith("device:"):
            params.write_text(params.read_text().replace(line, "  device: cuda"))
    assert machine.look_at_gpu().level == "bad"


def test_a_row_is_one_line_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "somebody:longword")
    text = "401 for longword at\nhttp://u:p4ssw0rd@host/api?token=abc"
    assert safe(text) == "401 for *** at http://u:***@host/api?token=***"
    assert "-> mend it" in written([CheckRow("a", "bad", "b", "mend it")])
