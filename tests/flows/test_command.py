"""One stage as a child: its lines, its outcome, its words, and nothing of it left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from aislewatch.errors import PipelineError
from flows.command import StageKilledError, reproduce
from tests.projects import environment
from tests.tiny_pipelines import FAIL, FIRST, HANG, make_diamond, wait_for, wait_until_idle


def _enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder / "execution"


def test_outcomes_and_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_diamond(tmp_path / "a shop")
    execution = _enter(folder, monkeypatch)
    lines: list[str] = []
    assert reproduce("first", execution, lines.append).outcome == "ran"
    assert "the first stage speaks" in lines
    assert reproduce("first", execution, lines.append).outcome == "unchanged"
    (folder / "in.txt").write_text("other footage\n")
    assert reproduce("first", execution, lines.append).outcome == "ran"
    (folder / "in.txt").write_text("footage\n")
    assert reproduce("first", execution, lines.append).outcome == "restored"
    assert (folder / "first.txt").read_text() == "footage\n"


def test_lines_come_while_the_stage_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own output too, though it writes to a pipe."""
    script = """python -c "import time; print('early'); time.sleep(3)"; touch first.txt"""
    execution = _enter(make_diamond(tmp_path / "shop", first=script), monkeypatch)
    seen: dict[str, float] = {}
    reproduce("first", execution, lambda line: seen.update({line: time.monotonic()}))
    assert time.monotonic() - seen["early"] > 2.5


def test_a_failing_stage_speaks_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = _enter(make_diamond(tmp_path / "shop", first=FAIL), monkeypatch)
    with pytest.raises(PipelineError) as failure:
        reproduce("first", execution, print)
    assert str(failure.value).endswith("table.csv, row 3: no label; add one")
    assert "ERROR: failed to reproduce" not in str(failure.value)


@pytest.mark.parametrize("victim", ["$$", "$PPID"])
def test_a_killed_stage_is_told_from_a_failed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    """Whether the signal met what works, or what started it: the dvc command."""
    folder = make_diamond(tmp_path / "shop", first=f"kill -9 {victim}; sleep 600\n")
    before = psutil.Process().children(recursive=True)  # those of other tests go on
    with pytest.raises(StageKilledError, match=r"^first was killed by SIGKILL$"):
        reproduce("first", _enter(folder, monkeypatch), print)
    assert set(psutil.Process().children(recursive=True)) <= set(before)


def test_dvcs_own_refusal_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_diamond(tmp_path / "shop")
    (folder / "in.txt").unlink()
    with pytest.raises(PipelineError, match=r"failed to reproduce 'first': .*in\.txt"):
        reproduce("first", _enter(folder, monkeypatch), print)


def test_two_flows_of_one_project_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC itself fails the second: `is busy, it is being blocked by`."""
    folder = make_diamond(tmp_path / "shop", first="touch begun\nsleep 3\ncp in.txt first.txt\n")
    execution = _enter(folder, monkeypatch)
    said: list[str] = []
    first = threading.Thread(target=reproduce, args=("first", execution, print))
    first.start()
    wait_for(folder / "begun")
    assert reproduce("first", execution, said.append).outcome == "unchanged"
    first.join()
    assert any(line.startswith("waiting for the DVC command") for line in said)


@pytest.mark.parametrize("lock", ["a stage's", "the project's"])
def test_a_dvc_command_typed_before_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    """DVC itself fails: `is busy, it is being blocked by`, or `Unable to acquire lock`."""
    first = "touch begun\nwhile [ ! -e go ]; do sleep 0.1; done\ncp in.txt first.txt\n"
    folder = make_diamond(tmp_path / "shop", first=first)
    execution = _enter(folder, monkeypatch)
    typed = [sys.executable, "-m", "dvc", "repro", "first"]
    if lock == "the project's":
        hold = "import sys, zc.lockfile as z; f = z.LockFile('.dvc/tmp/lock'); print(flush=True)"
        typed = [sys.executable, "-c", f"{hold}; sys.stdin.read()"]
        (folder / ".dvc/tmp").mkdir()
    said: list[str] = []
    with subprocess.Popen(
        typed, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as before:
        assert before.stdin is not None
        assert before.stdout is not None
        if lock == "a stage's":
            wait_for(folder / "begun")
        else:
            before.stdout.readline()

        def go() -> None:
            time.sleep(8)  # longer than DVC by itself waits for the project's lock
            (folder / "go").touch()
            if lock == "the project's":
                before.stdin.close()

        going = threading.Thread(target=go)
        going.start()
        outcome = reproduce("first", execution, said.append).outcome
        going.join()
    assert outcome == ("unchanged" if lock == "a stage's" else "ran")
    if lock == "a stage's":
        assert any("waiting for the dvc command that was there before" in line for line in said)


def test_a_stage_that_speaks_of_a_lock_is_no_reason_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = "echo \"ERROR: 'x' is busy, it is being blocked by:\"; echo '  (PID 1): init'; exit 1\n"
    execution = _enter(make_diamond(tmp_path / "shop", first=says), monkeypatch)
    with pytest.raises(PipelineError, match="is busy"):
        reproduce("first", execution, print)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_parent(tmp_path: Path, number: signal.Signals) -> None:
    """Not even what left the stage's process group; and the next command works."""
    folder = make_diamond(tmp_path / "shop", first=HANG)
    script = (
        "from pathlib import Path; from flows.command import reproduce\n"
        "reproduce('first', Path('execution'), print)"
    )
    command = [sys.executable, "-c", script]
    parent = subprocess.Popen(command, cwd=folder, env=environment())
    wait_for(folder / "hangs")
    os.kill(parent.pid, number)
    assert parent.wait(30) == -number
    assert wait_until_idle(folder) == []
    (folder / "first.sh").write_text(FIRST)
    subprocess.run(command, cwd=folder, env=environment(), check=True)
    assert (folder / "first.txt").read_text() == "footage\n"
