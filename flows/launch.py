"""Become the process of a flow run, holding its lease: ``python -m flows.launch``.

The command of every deployment (job variable ``command`` in prefect.yaml). The lease is taken
before Prefect is imported and survives exec; a stage does not inherit it.
"""

import ctypes
import os
import signal
import sys

from flows import leases

# From linux/prctl.h: the signal to get when the process that started us is gone.
_PR_SET_PDEATHSIG = 1

WORKER_GONE = "the worker that started this is gone"


def main() -> None:
    """Take the run's lease, tie this process to its worker, become Prefect's engine."""
    run, parent = os.environ.get("PREFECT__FLOW_RUN_ID"), os.getppid()
    if not run:
        sys.exit("flows.launch: only a Prefect worker starts this, as the command of a deployment")
    leases.hold(run)
    os.environ[leases.VARIABLE] = os.fspath(leases.folder())
    end_with(parent)
    # The parent is another already where the worker died before this process could ask for it.
    worker = leases.read_lease(os.environ.get(leases.WORKER, ""))
    if worker and not worker.held:
        sys.exit(WORKER_GONE)
    os.execv(sys.executable, [sys.executable, "-m", "prefect.engine"])


def end_with(parent: int) -> None:
    """Let this process, also after exec, get SIGTERM when its parent is gone.

    A run whose worker died cannot be cancelled, and 300 s after somebody tried, Prefect starts
    another beside it (3.8.8, 3.9.1).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(WORKER_GONE)


if __name__ == "__main__":
    main()
