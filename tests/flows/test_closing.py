"""What a dead run left open in MLflow is closed by the reaper, before any next command."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from flows import leases
from flows.reaper import sweep
from tests.code_closure import ROOT
from tests.projects import runs, wait_until_recorded
from tests.tiny_pipelines import wait_for
from tests.tracked_project import enter_tracked, recorders_of

# As flows.launch and flows.pipeline do, by a process that is then dead.
DIE = """
import os, sys
from pathlib import Path
from flows import leases
leases.hold(os.environ["PREFECT__FLOW_RUN_ID"])
os.environ[leases.VARIABLE] = str(leases.folder())
leases.tell_execution(Path(sys.argv[1]))
"""


def test_a_dead_run_is_closed_as_killed_and_its_lease_is_removed(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = enter_tracked(tmp_path / "a project", empty_store, monkeypatch)
    (project / "hang").write_text("one")
    dvc = subprocess.Popen(["dvc", "repro"], start_new_session=True, stdout=subprocess.DEVNULL)
    wait_for(project / "hanging")
    for recorder in recorders_of(project):
        recorder.kill()
    os.killpg(dvc.pid, signal.SIGKILL)
    dvc.wait()
    [execution] = (project / ".aislewatch/runs").iterdir()
    run = str(uuid.uuid4())
    command = [sys.executable, "-c", DIE, str(execution)]
    subprocess.run(command, env={**os.environ, "PREFECT__FLOW_RUN_ID": run}, check=True)
    [lease] = leases.run_leases()
    assert (lease.name, lease.held) == (run, False)

    sweep([lease], live={run})  # what is live is left alone
    assert leases.told_execution(run) == execution
    sweep([lease], live=set())
    wait_until_recorded(project)
    [parent] = runs(project, kind="pipeline")
    assert parent.info.status == "KILLED"
    assert [one.info.status for one in runs(project, kind="stage", stage="one")] == ["KILLED"]
    assert list(leases.folder().iterdir()) == []


def test_a_lease_is_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held across exec and not by a child; free when its process is gone; retaken ones stay."""
    monkeypatch.setenv(leases.VARIABLE, str(tmp_path))
    code = (
        "import os, sys; from flows import leases; leases.hold('x');"
        "os.execv(sys.executable, [sys.executable, '-c',"
        ' \'import subprocess, sys; subprocess.Popen(["sleep", "30"]); print(1, flush=True);'
        " sys.stdin.read()'])"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    seen = leases.read_lease("x")
    assert seen is not None
    assert (seen.held, seen.pid) == (True, holder.pid)
    monkeypatch.setattr(leases, "TAKE_S", 0.1)
    with pytest.raises(Exception, match="another process holds"):
        leases.hold("x")
    leases.remove(seen)
    assert leases.read_lease("x") is not None  # a held one is never removed
    holder.kill()
    holder.wait()
    dead = leases.read_lease("x")
    assert dead is not None
    assert not dead.held
    os.close(leases.hold("x"))
    leases.remove(dead)
    assert leases.read_lease("x") is not None  # it was taken again since it was seen


def test_a_flow_whose_recorder_works_does_not_load_mlflow(tmp_path: Path) -> None:
    """It takes 2 to 4 s of CPU, at the end of each flow."""
    (tmp_path / "closed.json").write_text('{"run_id": "1", "url": "there", "status": "FINISHED"}')
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "import flows.pipeline\n"
        "assert flows.pipeline.finish(Path(sys.argv[1]), False, False) == 'there'\n"
        "sys.exit('mlflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
