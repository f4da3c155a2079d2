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
from pathlib import Path

from filelock import FileLock, Timeout

from aislewatch.errors import AislewatchError
from aislewatch.files import write_json
from aislewatch.recording.client import run_url
from aislewatch.recording.closing import close_parent
from aislewatch.recording.replay import Replay
from aislewatch.tracking import execution
from aislewatch.tracking.execution import HANDOVER_S
from aislewatch.tracking.filenames import CLOSED, EXECUTION, FINISH

log = logging.getLogger(__name__)

# Seconds between two looks at the journals: an epoch of the demo takes 2–3 s, and a look at a
# finished journal costs one stat.
POLL_S = 0.5

# Seconds between two attempts at a store that fails, and how long they are made once the command is
# over: a locked database or a server that is started again is there in a minute; later, the next
# command records what is left.
RETRY_S = 3.0
PATIENCE_S = 120.0


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
                execution.alone(folder, lambda: close(folder), HANDOVER_S)  # noqa: B023  called now
            except Exception:
                # One execution that cannot be closed must not keep the next unrecorded.
                log.exception("could not close %s", folder.name)


def advance(folder: Path) -> None:
    """Bring over what of an execution was journalled and is not in MLflow yet."""
    Replay(folder).advance()


def close(folder: Path) -> None:
    """Bring over the rest of an execution and close its parent run, if it needs one."""
    _close(Replay(folder))


def _close(replay: Replay) -> None:
    execution.keep_lock(replay.folder)
    replay.advance()
    if _was_idle(replay):
        write_json(replay.folder / CLOSED, {"run_id": None, "url": None, "status": None})
        return
    status = close_parent(replay)
    run_id = replay.parent_id
    closed = {"run_id": run_id, "url": run_url(run_id), "status": status}
    write_json(replay.folder / CLOSED, closed)


def _was_idle(replay: Replay) -> bool:
    """Say whether the command had nothing to do, by its own words and by its journals."""
    said = replay.folder / FINISH
    return said.exists() and json.loads(said.read_text())["idle"] and not replay.runs
