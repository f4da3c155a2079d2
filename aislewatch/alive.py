"""Tells whether a process seen before still runs: its number alone may be another's by now."""

import psutil

# Two readings of one process' start time, and a file's time beside them, differ by rounding and by
# the clock's small corrections; a number is given again seconds later at the earliest.
TOLERANCE_S = 0.5


def still_runs(pid: int, seen: float) -> bool:
    """Say whether the process that had the number ``pid`` at the time ``seen`` still runs.

    One that has ended and was not yet asked for its status (a zombie) does not run; one that this
    user may not look at does.

    Args:
        pid: its number.
        seen: a time at which it ran, its start for example; seconds since 1970.
    """
    try:
        process = psutil.Process(pid)
        is_another = process.create_time() > seen + TOLERANCE_S
        return not is_another and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
