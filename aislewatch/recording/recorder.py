"""Replays the journals of a pipeline execution into MLflow, live, and closes its parent run.

A process does this in the background that the first stage of an execution starts, so that no stage
waits for MLflow. ``recorder.json`` in the execution's folder says what has been replayed; where a
recorder was killed, or MLflow did not answer to its end, the next stage or command goes on from it.
Statuses of the parent: FINISHED when all is done, FAILED when a stage failed, KILLED when the
command's process died in between.
"""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from aislewatch.errors import AislewatchError, RegistryError
from aislewatch.files import write_json
from aislewatch.recording.address import check_store
from aislewatch.recording.closing import close_parent
from aislewatch.recording.replay import Replay, journal_files
from aislewatch.tracking import execution
from aislewatch.tracking.execution import HANDOVER_S
from aislewatch.tracking.filenames import CLOSED, EXECUTION, FINISH, STATE

log = logging.getLogger(__name__)

# Seconds between two looks at the journals: an epoch of the demo takes 2–3 s, and a look at a
# finished journal costs one stat.
POLL_S = 0.5

# Seconds between two attempts at a store that fails, and how long they are made once the command is
# over: a locked database or a server that is started again is there in a minute; later, the next
# command records what is left.
RETRY_S = 3.0
PATIENCE_S = 120.0

# Seconds to wait for a recorder, which is nice to others: on two cores at load 4.5 one had not
# recorded a short command after 120 s.
DRAIN_S = 600.0

# Seconds after which who waits for a recorder asks whether MLflow answers at all.
ASK_S = 5.0


def record(folder: Path, lock: FileLock) -> None:
    """Replay an execution until it is over and close it; first close those that died before it.

    Args:
        folder: of the execution.
        lock: its ``recording`` lock, held; free between two attempts at a store that fails, so that
            a later command, which may know another store, can take over.
    """
    give_up = float("inf")
    while not (folder / CLOSED).exists():
        try:
            _follow(folder)
        except Exception as error:
            if execution.is_over(folder):
                give_up = min(give_up, time.monotonic() + PATIENCE_S)
            if time.monotonic() > give_up:
                raise
            # A traceback for what is a fault of ours; a store that fails is told in words.
            log.warning("%s", error, exc_info=not isinstance(error, AislewatchError))
            lock.release()
            time.sleep(RETRY_S)
            try:
                lock.acquire()
            except Timeout:
                return


def _follow(folder: Path) -> None:
    replay = Replay(folder)
    # First: this execution's cached stages are pointed to runs that those before it made.
    reconcile(skip=folder)
    while not execution.is_over(folder):
        replay.advance()
        time.sleep(POLL_S)
    _close(replay)


def reconcile(skip: Path) -> None:
    """Close every other execution whose process is gone and whose recorder is not running."""
    for facts in sorted(execution.RUNS.resolve().glob(f"*/{EXECUTION}")):
        folder = facts.parent
        if folder != skip and not (folder / CLOSED).exists() and execution.is_over(folder):
            try:
                _alone(folder, lambda: _close(Replay(folder)), HANDOVER_S)  # noqa: B023  called now
            except Exception:
                # One execution that cannot be closed must not keep the next unrecorded.
                log.exception("could not close %s", folder.name)


def drain(folder: Path, timeout_s: float = DRAIN_S) -> None:
    """Wait until all that was journalled is in MLflow; replay it here if no recorder does.

    Raises:
        RegistryError: MLflow does not answer, or the recorder did not get there in time.
    """
    if not _wait(folder, timeout_s, lambda: Replay(folder).advance(), lambda: _is_replayed(folder)):
        raise RegistryError(
            f"MLflow has not recorded this pipeline in {timeout_s:.0f} s; {folder}/recorder.log "
            "says why. Run `dvc repro` again once it answers"
        )


def finish(folder: Path, failed: bool, idle: bool, timeout_s: float = 180.0) -> str | None:
    """Tell the recorder that a still-living command is done, and wait until it has closed.

    Args:
        folder: of the execution.
        failed: whether it did not do what it was asked for.
        idle: whether no stage ran because there was nothing to do; it gets no run then.
        timeout_s: seconds to wait.

    Returns:
        The parent's run id; None where it has none, or the recorder did not get there in time.

    Raises:
        RegistryError: MLflow does not answer.
    """
    write_json(folder / FINISH, {"failed": failed, "idle": idle})
    closed = folder / CLOSED
    done = _wait(folder, timeout_s, lambda: _close(Replay(folder)), closed.exists)
    return json.loads(closed.read_text())["run_id"] if done else None


def _wait(
    folder: Path, timeout_s: float, work: Callable[[], None], is_done: Callable[[], bool]
) -> bool:
    """Wait until the recorder has done something, or do it where none is; say if it is done."""
    began = asked = time.monotonic()
    while time.monotonic() - began < timeout_s:
        if is_done() or _alone(folder, work):
            return True
        if time.monotonic() - asked > ASK_S:
            check_store()
            asked = time.monotonic()
        time.sleep(POLL_S / 5)
    return False


def _alone(folder: Path, work: Callable[[], None], wait_s: float = 0.0) -> bool:
    """Do some work on an execution unless its recorder works; say whether it was done."""
    try:
        with execution.recording(folder, wait_s):
            if not (folder / CLOSED).exists():
                work()
            return True
    except Timeout:
        return False


def _close(replay: Replay) -> None:
    execution.keep_lock(replay.folder)
    replay.advance()
    if _was_idle(replay):
        write_json(replay.folder / CLOSED, {"run_id": None, "status": None})
        return
    status = close_parent(replay)
    write_json(replay.folder / CLOSED, {"run_id": replay.parent_id, "status": status})


def _was_idle(replay: Replay) -> bool:
    """Say whether the command had nothing to do, by its own words and by its journals."""
    said = replay.folder / FINISH
    return said.exists() and json.loads(said.read_text())["idle"] and not replay.runs


def _is_replayed(folder: Path) -> bool:
    state = folder / STATE
    if not state.exists():
        return False
    offsets = json.loads(state.read_text())["offsets"]
    return all(offsets.get(f.name, 0) >= f.stat().st_size for f in journal_files(folder))
