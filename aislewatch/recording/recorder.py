"""Replay the journals of one pipeline execution into MLflow, live, and close its parent run.

Started in the background by the first stage of an execution, so that no stage waits for MLflow.
``recorder.json`` in the execution's folder says what has been replayed; a recorder that was killed
is continued by the next command's. Statuses of the parent: FINISHED when all is done, FAILED when
a stage failed, KILLED when the command's process died in between.
"""

import contextlib
import fcntl
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aislewatch.errors import RegistryError
from aislewatch.files import write_json
from aislewatch.recording.closing import close_parent
from aislewatch.recording.replay import Replay
from aislewatch.tracking import execution
from aislewatch.tracking.state import CLOSED, EXECUTION, FINISH, STATE

log = logging.getLogger(__name__)

# Seconds between two looks at the journals: an epoch of the demo takes 2–3 s, and a look at a
# finished journal costs one stat.
POLL_S = 0.5

# Seconds to wait for a recorder, which is nice to others: on two cores at load 4.5 one had not
# recorded a short command after 120 s.
DRAIN_S = 600.0

# Niceness: a tenth of what a stage at 0 gets of a core that both want, so that 4 s of MLflow's
# import and calls still end within a minute.
NICE = 10


def record(folder: Path) -> None:
    """Replay until the execution is over, then close it; first close what died before it."""
    with _sole_recorder(folder) as mine:
        if not mine:
            return
        replay = Replay(folder)
        reconcile(skip=folder)
        while not execution.is_over(folder):
            replay.advance()
            time.sleep(POLL_S)
        _close(folder, replay)


def reconcile(skip: Path | None = None) -> None:
    """Close every execution whose process is gone and whose recorder is not running."""
    for facts in sorted(execution.RUNS.resolve().glob(f"*/{EXECUTION}")):
        folder = facts.parent
        if folder == skip or (folder / CLOSED).exists() or not execution.is_over(folder):
            continue
        with _sole_recorder(folder) as mine:
            if mine and not (folder / CLOSED).exists():
                try:
                    _close(folder, Replay(folder))
                except Exception:
                    # One execution that cannot be closed must not keep the next unrecorded.
                    log.exception("could not close %s", folder.name)


def drain(folder: Path, timeout_s: float = DRAIN_S) -> None:
    """Return when everything journalled so far is in MLflow; replay it here if nobody else does.

    Raises:
        RegistryError: the recorder did not get there in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with _sole_recorder(folder) as mine:
            if mine:
                Replay(folder).advance()
                return
        if _is_replayed(folder):
            return
        time.sleep(POLL_S / 5)
    raise RegistryError(
        f"MLflow has not recorded this pipeline in {timeout_s:.0f} s; {folder}/recorder.log says "
        "why. Run `dvc repro` again once it answers"
    )


def finish(folder: Path, failed: bool, timeout_s: float = 180.0) -> str | None:
    """Tell the recorder that a still-living command is done; the parent's run id once closed."""
    write_json(folder / FINISH, {"failed": failed})
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and not (folder / CLOSED).exists():
        with _sole_recorder(folder) as mine:
            if mine and not (folder / CLOSED).exists():
                _close(folder, Replay(folder))
        time.sleep(POLL_S / 5)
    closed = folder / CLOSED
    return str(json.loads(closed.read_text())["run_id"]) if closed.exists() else None


def _close(folder: Path, replay: Replay) -> None:
    execution.keep_lock(folder)
    replay.advance()
    status = close_parent(replay, folder / FINISH)
    write_json(folder / CLOSED, {"run_id": replay.parent_id, "status": status})


def _is_replayed(folder: Path) -> bool:
    state = folder / STATE
    if not state.exists():
        return False
    offsets = json.loads(state.read_text())["offsets"]
    return all(offsets.get(f.name, 0) >= f.stat().st_size for f in folder.glob("*.jsonl"))


def give_way() -> None:
    """Let the stages go first: they are what the person waits for.

    A process' niceness counts only among those of its session where Linux groups processes by it
    (sched_autogroup_enabled), and the recorder has a session of its own: the group gives way too.
    """
    os.nice(NICE)
    with contextlib.suppress(OSError):  # No such file elsewhere, or read-only in a container.
        Path("/proc/self/autogroup").write_text(str(NICE))


@contextmanager
def _sole_recorder(folder: Path) -> Iterator[bool]:
    with (folder / "recorder.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


if __name__ == "__main__":
    give_way()
    record(Path(sys.argv[1]))
