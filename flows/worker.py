"""A Prefect worker with a lease, whose runs end with it: ``python -m flows.worker --pool retrain``.

Whatever stands after the module's name goes to ``prefect worker start``. Started in the project's
root. Prefect's worker tells its runs nothing when it is asked to end (3.8.8), so this process, its
parent, does: on SIGTERM or Ctrl-C each run ends its stage and is Crashed, then the worker ends.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import psutil

from aislewatch.exits import plain_errors
from flows import leases
from flows.launch import end_with

# Seconds for the runs to end and for the worker to say so: a stage gets 8 from its guard, the
# words to the server take 1.3 (idle). docker/compose.yaml stops hard after 60.
RUNS_END_S = 30.0
WORKER_END_S = 15.0

# Seconds between two looks at the worker, and at the runs that the reaper wants ended.
LOOK_S = 1.0


def main() -> None:
    """Collapse missed nights, run the worker, exit with its status."""
    options = sys.argv[1:]
    if "--pool" not in options[:-1]:
        sys.exit("flows.worker: which pool? For example: python -m flows.worker --pool retrain")
    with plain_errors("worker"):
        pool = options[options.index("--pool") + 1]
        name = f"{socket.gethostname()}-{os.getpid()}-{int(time.time())}"
        # Before the worker polls: it would take the oldest of them.
        if subprocess.run([sys.executable, "-m", "flows.missed"], check=False).returncode:
            sys.exit(1)
        sys.exit(_work(pool, name, options))


def _work(pool: str, name: str, options: list[str]) -> int:
    own = leases.worker_lease(pool, name)
    lease, parent = leases.hold(own), os.getpid()
    start = [sys.executable, "-m", "prefect", "worker", "start", "--name", name, *options]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    worker = subprocess.Popen(
        start,
        # PATH: prefect.yaml's `command` says `python`.
        env={**os.environ, "PATH": path, leases.WORKER: own},
        pass_fds=[lease],
        preexec_fn=lambda: end_with(parent),
        start_new_session=True,  # Ctrl-C reaches this process alone
    )
    os.close(lease)  # held by the worker alone from here on
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        while (status := worker.poll()) is None:
            _end_asked(worker)
            time.sleep(LOOK_S)
        return status if status >= 0 else 128 - status
    except SystemExit:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        _stop(worker)
        raise


def _end_asked(worker: "subprocess.Popen[bytes]") -> None:
    """End runs that were cancelled, or ended by the server, and go on."""
    asked = leases.asked_to_end()
    if not asked:
        return
    with suppress(psutil.NoSuchProcess):
        for run in psutil.Process(worker.pid).children():
            with suppress(psutil.NoSuchProcess):
                if run.pid in asked:
                    run.kill() if asked[run.pid] > RUNS_END_S else run.terminate()


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _stop(worker: "subprocess.Popen[bytes]") -> None:
    with suppress(psutil.NoSuchProcess):
        runs = psutil.Process(worker.pid).children()
        for run in runs:
            with suppress(psutil.NoSuchProcess):
                run.terminate()
        psutil.wait_procs(runs, timeout=RUNS_END_S)
        time.sleep(min(3.0, 3.0 * len(runs)))  # the worker tells the server what became of them
    worker.terminate()
    with suppress(subprocess.TimeoutExpired):
        worker.wait(WORKER_END_S)
        return
    worker.kill()


if __name__ == "__main__":
    main()
