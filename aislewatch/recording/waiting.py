"""Waits until a recorder is done with an execution; does its work where none is.

Without MLflow, whose import takes 2 to 3 s of CPU, unless the work has to be done here: a flow
waits at its end for what the recorder, which has it loaded, is about to finish.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

from aislewatch.errors import RegistryError
from aislewatch.files import write_json
from aislewatch.recording.address import check_store
from aislewatch.tracking import execution
from aislewatch.tracking.filenames import CLOSED, FINISH, STATE
from aislewatch.tracking.journal import journal_files

# Seconds between two looks whether the recorder is done: a look costs one stat and one lock.
LOOK_S = 0.1

# Seconds to wait for a recorder, which is nice to others: on two cores at load 4.5 one had not
# recorded a short command after 120 s.
DRAIN_S = 600.0

# Seconds after which who waits for a recorder asks whether MLflow answers at all.
ASK_S = 5.0


def drain(folder: Path, timeout_s: float = DRAIN_S) -> None:
    """Wait until all that was journalled is in MLflow; replay it here if no recorder does.

    Raises:
        RegistryError: MLflow does not answer, or the recorder did not get there in time.
    """
    if not _wait(folder, timeout_s, lambda: _advance(folder), lambda: _is_replayed(folder)):
        raise RegistryError(
            f"MLflow has not recorded this pipeline in {timeout_s:.0f} s; {folder}/recorder.log "
            "says why. Run `dvc repro` again once it answers"
        )


def finish(
    folder: Path, failed: bool, idle: bool, killed: str = "", timeout_s: float = 180.0
) -> str | None:
    """Tell the recorder that a still-living command is done, and wait until it has closed.

    Args:
        folder: of the execution.
        failed: whether it did not do what it was asked for.
        idle: whether no stage ran because there was nothing to do; it gets no run then.
        killed: what a signal ended of it, in words; "": nothing.
        timeout_s: seconds to wait.

    Returns:
        Where the parent run is seen; None where there is none, or the recorder is late.

    Raises:
        RegistryError: MLflow does not answer.
    """
    write_json(folder / FINISH, {"failed": failed, "idle": idle, "killed": killed})
    closed = folder / CLOSED
    done = _wait(folder, timeout_s, lambda: _close(folder), closed.exists)
    if not done:
        return None
    url: str | None = json.loads(closed.read_text())["url"]
    return url


def _wait(
    folder: Path, timeout_s: float, work: Callable[[], None], is_done: Callable[[], bool]
) -> bool:
    """Wait until the recorder has done something, or do it where none is; say if it is done."""
    began = asked = time.monotonic()
    while time.monotonic() - began < timeout_s:
        if is_done() or execution.alone(folder, work):
            return True
        if time.monotonic() - asked > ASK_S:
            check_store()
            asked = time.monotonic()
        time.sleep(LOOK_S)
    return False


def _is_replayed(folder: Path) -> bool:
    state = folder / STATE
    if not state.exists():
        return False
    offsets = json.loads(state.read_text())["offsets"]
    return all(offsets.get(f.name, 0) >= f.stat().st_size for f in journal_files(folder))


def _advance(folder: Path) -> None:
    from aislewatch.recording.recorder import advance

    advance(folder)


def _close(folder: Path) -> None:
    from aislewatch.recording.recorder import close

    close(folder)
