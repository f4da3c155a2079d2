"""Hands work to the processes of a Dask cluster, by the address of its scheduler.

``distributed.Client`` alone: of prefect-dask a task that kills its worker stays ``Running``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aislewatch.errors import PipelineError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Seconds to wait for the scheduler's answer: on one network it takes milliseconds.
CONNECT_S = 15.0


@dataclass(frozen=True)
class Lost:
    """Stands for the result of an item whose worker died, each time it was tried."""

    why: str


def fan_out(
    address: str, work: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[int, Result | Lost]]:
    """Have each item worked on by some process of a cluster; yield results as they come.

    A worker that dies loses what it was at; others do that again. An item that is there when
    several die (Dask's ``distributed.scheduler.allowed-failures``, 3, and one) is done once more
    when the rest is done, by itself: Dask blames whatever waited at a worker that died. It is
    `Lost` where workers die of it alone.

    Args:
        address: of the scheduler, as ``tcp://10.0.0.5:8786``.
        work: a function that the workers can import, or a picklable object.
        items: picklable.

    Yields:
        An item's place, and its result.

    Raises:
        PipelineError: Dask is not installed, the scheduler does not answer, or went away.
        Exception: what ``work`` raised.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
        from distributed.client import CancelledError
        from distributed.comm.core import CommClosedError
    except ImportError:
        raise PipelineError(
            "machine.cluster needs Dask: pip install 'distributed==2026.8.0', or set it to null"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"no Dask scheduler answers at {address} ({error}); start one (`dask scheduler`), or "
            "set machine.cluster in params.yaml to null"
        ) from None
    with client:
        blamed: list[int] = []
        futures = client.map(work, items, pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        try:
            for future in as_completed(futures, loop=client.loop):
                try:
                    yield places[future.key], future.result()
                except KilledWorker:
                    blamed.append(places[future.key])
            for place in blamed:
                futures = [client.submit(work, items[place], pure=False)]
                try:
                    yield place, futures[0].result()
                except KilledWorker as error:
                    yield place, Lost(str(error).split(". ")[0])
        except (CancelledError, CommClosedError, TimeoutError) as error:
            raise PipelineError(
                f"the Dask scheduler at {address} went away ({type(error).__name__}); what was "
                "done until then is kept: start it and run the stage again"
            ) from None
        finally:
            client.cancel(futures)
