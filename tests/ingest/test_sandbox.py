"""Whatever happens in a child is a verdict, and nothing of it survives."""

import subprocess
import sys
import time

import psutil
import pytest

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.ingest.sandbox import Sandbox
from aislewatch.ingest.supervisor import SandboxLimits
from tests.code_closure import ROOT
from tests.footage_samples import wait_until_gone

LIMITS = SandboxLimits(timeout_s=30.0, memory_mib=1024, file_bytes=1 << 20)


def make_sandbox(limits: SandboxLimits = LIMITS) -> Sandbox:
    return Sandbox("tests.sandbox_jobs:dispatch", limits)


@pytest.fixture(scope="module")
def sandbox():
    sandbox = make_sandbox()
    yield sandbox
    sandbox.close()


def test_a_child_sees_its_folder_and_nothing_else(sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    seen = sandbox.run({"job": "look_around"}, tmp_path)
    assert seen["environment"] == {}
    assert seen["folder"] == str(tmp_path)
    assert seen["own_group"]
    assert seen["open_files"] <= 5
    assert seen["input"]
    assert sandbox.run({"job": "look_around"}, tmp_path)["pid"] != seen["pid"]


def test_a_child_is_limited(sandbox, tmp_path):
    limits = sandbox.run({"job": "look_around"}, tmp_path)["limits"]
    own = limits.pop("AS") - (LIMITS.memory_mib << 20)
    assert limits == {"CPU": 30, "FSIZE": LIMITS.file_bytes, "NOFILE": 64, "CORE": 0}
    assert 0 < own < 1 << 30, "the interpreter's own size comes on top"


@pytest.mark.parametrize(
    ("job", "reason", "detail"),
    [
        ("refuse", "odd", "as asked"),
        ("segfault", "crashed", "signal SIGSEGV"),
        ("leave_at_once", "crashed", "exit status 7"),
        ("programming_error", "crashed", "ZeroDivisionError: division by zero"),
        ("fill_memory", "memory-limit", "more memory"),
    ],
)
def test_what_breaks_in_a_child_is_a_verdict(sandbox, tmp_path, job, reason, detail):
    with pytest.raises(QuarantinedError, match=detail) as error:
        sandbox.run({"job": job}, tmp_path)
    assert error.value.reason == reason
    assert sandbox.run({"job": "look_around"}, tmp_path)["own_group"], "the next video is served"


def test_a_file_cannot_grow_beyond_the_limit(sandbox, tmp_path):
    with pytest.raises(FootageError, match="File too large"):
        sandbox.run({"job": "fill_disk"}, tmp_path)
    assert (tmp_path / "big").stat().st_size <= LIMITS.file_bytes


def test_timeout_kills_grandchildren(tmp_path):
    sandbox = make_sandbox(SandboxLimits(0.5, 1024, 1 << 20))
    note = tmp_path / "note"
    try:
        with pytest.raises(QuarantinedError, match="longer than") as error:
            sandbox.run({"job": "hang_with_grandchild", "note": str(note)}, tmp_path)
        assert error.value.reason == "timeout"
        wait_until_gone([int(pid) for pid in note.read_text().split()])
        assert sandbox.run({"job": "look_around"}, tmp_path)["own_group"]
    finally:
        sandbox.close()


def test_what_a_finished_child_leaves_running_is_killed(sandbox, tmp_path):
    wait_until_gone([sandbox.run({"job": "leave_grandchild"}, tmp_path)["grandchild"]])


def test_a_killed_parent_leaves_no_process(tmp_path):
    note = tmp_path / "note"
    program = (
        "from pathlib import Path\nfrom tests.ingest.test_sandbox import make_sandbox\n"
        f"request = {{'job': 'hang_with_grandchild', 'note': {str(note)!r}}}\n"
        f"make_sandbox().run(request, Path({str(tmp_path)!r}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    deadline = time.monotonic() + 30
    while not (note.exists() and len(note.read_text().split()) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    family = [process.pid for process in psutil.Process(parent.pid).children(recursive=True)]
    assert len(family) == 3, "supervisor, child, grandchild"
    parent.kill()
    parent.wait()
    wait_until_gone(family)


def test_a_dead_supervisor_is_an_error_that_says_so(tmp_path):
    before = set(psutil.Process().children())
    sandbox = make_sandbox()
    [supervisor] = set(psutil.Process().children()) - before
    supervisor.kill()
    with pytest.raises(FootageError, match="run it again"):
        sandbox.run({"job": "look_around"}, tmp_path)
    sandbox.close()


def test_a_full_disk_stops_the_stage(sandbox, tmp_path):
    """The child cannot even answer; that is not the video's fault."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "answer.json").mkdir()
    with pytest.raises(FootageError, match=r"disk is full, free some space.*run it again") as error:
        sandbox.run({"job": "look_around"}, folder)
    assert not isinstance(error.value, QuarantinedError)
