"""``python -m aislewatch.recording FOLDER``: record one execution; started by its first stage."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

from filelock import Timeout

from aislewatch.recording.plan import make_plan
from aislewatch.tracking.execution import HANDOVER_S, is_over, keep_lock, recording
from aislewatch.tracking.filenames import EXECUTION

# Seconds between two looks whether the command has ended: before somebody can type the next one.
LOOK_S = 0.1

# Seconds without the file that names the execution's process after which its folder counts as
# deleted: it was there before this process was started, and is replaced in one step.
DELETED_S = 5.0

# Niceness: a tenth of what a stage at 0 gets of a core that both want, so that 4 s of MLflow's
# import and calls still end within a minute.
NICE = 10


def main(folder: Path) -> None:
    """Keep what the execution is judged by, then record it."""
    lock = recording(folder, HANDOVER_S)
    try:
        lock.acquire()
    except Timeout:
        return
    threading.Thread(target=_keep_lock_at_the_end, args=(folder,), daemon=True).start()
    make_plan(folder)
    _give_way()
    # Imports MLflow: seconds in which the command may already be over.
    from aislewatch.recording.recorder import record

    record(folder, lock)


def _keep_lock_at_the_end(folder: Path) -> None:
    unseen = 0
    while not is_over(folder):
        time.sleep(LOOK_S)
        unseen = 0 if (folder / EXECUTION).exists() else unseen + 1
        if unseen * LOOK_S > DELETED_S:
            # Somebody deleted the project: there is nobody to record for, and nothing to write to.
            os._exit(0)
    keep_lock(folder)


def _give_way() -> None:
    """Lower this process's priority: a person waits for the stages, not for the recorder.

    A process' niceness counts only among those of its session where Linux groups processes by it
    (sched_autogroup_enabled), and the recorder has a session of its own: the group gives way too.
    """
    os.nice(NICE)
    with contextlib.suppress(OSError):  # No such file elsewhere, or read-only in a container.
        Path("/proc/self/autogroup").write_text(str(NICE))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
