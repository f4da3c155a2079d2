"""Starts a Dask cluster of worker processes on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import LocalCluster


@contextmanager
def workers(number: int, allowed_failures: int) -> Iterator[str]:
    """Run it for a while; yields the scheduler's address.

    Args:
        number: of its processes, each with one thread.
        allowed_failures: workers that may die of a task before the next one blames it.
    """
    settings = {
        "distributed.scheduler.allowed-failures": allowed_failures,
        "distributed.logging.distributed": "error",
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=number,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=":0",
            silence_logs=50,
        ) as local,
    ):
        yield local.scheduler_address
