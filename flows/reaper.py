"""End the records of runs whose process is gone, never a run whose process lives.

``python -m flows.reaper`` beside the worker: a process of its own on the worker's host, in the same
project, outside Prefect's scheduling. Every few seconds it looks at this project's live runs:

* a run whose lease is free is dead: its process is gone;
* one without a lease is dead if every worker that could have started it is gone, or after
  ``START_S``; one that is RUNNING without a lease was not started by us and is only told of;
* one that lives though it was cancelled, or ended by the server, ``CANCEL_S`` ago is ended by its
  worker's launcher: Prefect's worker stops listening for cancellations when its server was away;
* seen dead twice it becomes Crashed, or Cancelled where that was asked for;
* the counter of each deployment's slots is set to the runs that there are: it is too high when the
  server lost its leases, too low when a run was ended after its slot had gone to another;
* due runs but the newest are collapsed (`flows.missed`), and what MLflow has open is closed.
"""

import os
import sys
import time
from typing import Any
from urllib.parse import quote
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from aislewatch.exits import plain_errors
from flows import leases
from flows.closing import close_recording
from flows.missed import collapse
from flows.server import away, connected, deployed_here, live_runs

# Seconds between two looks: a dead run is ended at the second look that finds it so, 5 to 12 s
# after its death (measured).
PERIOD_S = 5.0

# Seconds from PENDING to the process, at most: 222 were seen on a locked SQLite at load 10.
START_S = 900.0

# Seconds from a cancellation to the end of its process: 32 were seen of a flow that was stopped.
CANCEL_S = 45.0

# Seconds by which a lease may seem older than the state that came before it: two clocks' rounding.
TOLERANCE_S = 1.0

# What a run is whose process must end; one that says Completed or Failed is about to.
UNWANTED = {StateType.CANCELLING, StateType.CANCELLED, StateType.CRASHED}

# Ends every message of a run that this ended; `aislewatch doctor` counts them by it.
SIGNATURE = "found by the reaper"


class Reaper:
    """Remembers between two looks what it must see twice."""

    def __init__(self) -> None:
        self._suspects: set[UUID] = set()
        self._odd: dict[str, tuple[int, int]] = {}

    def look(self, client: SyncPrefectClient) -> list[str]:
        """Look once at this project's runs; return a line for everything it did."""
        held = [lease for lease in leases.run_leases() if lease.held]
        before = [lease for lease in leases.run_leases() if not lease.held]
        deployments = deployed_here(client)
        runs = live_runs(client, [one.id for one in deployments])
        dead = {run.id: why for run in runs if (why := cause_of_death(client, run))}
        done = [
            _end(client, run, dead[run.id])
            for run in runs
            if run.id in dead and run.id in self._suspects
        ]
        self._suspects = set(dead)
        if not done:
            done = self._mend_slots(client, deployments, runs)
        done += collapse(client, deployments)
        done += end_unwanted(client, runs, held)
        sweep(before, {str(run.id) for run in runs})
        return done

    def forget(self) -> None:
        """Forget what was seen once: the server was away meanwhile."""
        self._suspects.clear()
        self._odd.clear()

    def _mend_slots(
        self, client: SyncPrefectClient, deployments: list[DeploymentResponse], runs: list[FlowRun]
    ) -> list[str]:
        done = []
        for deployment in deployments:
            if (limit := deployment.global_concurrency_limit) is None:
                continue
            live = sum(run.deployment_id == deployment.id for run in runs)
            seen = (limit.active_slots, live)
            if limit.active_slots != live and self._odd.get(limit.name) == seen:
                change = GlobalConcurrencyLimitUpdate(active_slots=live)
                client.update_global_concurrency_limit(limit.name, change)
                done.append(f"{deployment.name}: slots taken {limit.active_slots} -> {live}")
            self._odd[limit.name] = seen
        return done


def cause_of_death(client: SyncPrefectClient, run: FlowRun) -> str | None:
    """Say why a live run's process cannot be alive; None if it is, or may be."""
    assert run.state is not None
    lease, age_s = leases.read_lease(str(run.id)), _age_s(run)
    was_pending = run.state.type == StateType.PENDING
    if lease and not lease.held and was_pending and lease.age_s > age_s + TOLERANCE_S:
        lease = None  # of an earlier attempt: the run was asked for again
    if lease:
        return None if lease.held else "its process is gone"
    if run.state.type == StateType.RUNNING:
        return None
    if age_s > START_S:
        return f"no process began within {START_S:.0f} s"
    pool = run.work_pool_name or ""
    if not any(lease.held and lease.age_s > age_s for lease in leases.workers(pool).values()):
        unknown = unleased_workers(client, pool)
        return None if unknown else "its worker died before the process began"
    return None


def end_unwanted(
    client: SyncPrefectClient, runs: list[FlowRun], held: list[leases.Lease]
) -> list[str]:
    """Have the processes ended whose runs are to be over; a run that is wanted is never one."""
    live = {str(run.id): run for run in runs}
    done = []
    for lease in held:
        run = live.get(lease.name)
        if run is None:
            try:
                run = client.read_flow_run(UUID(lease.name))
            except ObjectNotFound:
                continue  # of another server: not ours to judge
        assert run.state is not None
        if run.state.type in UNWANTED and _age_s(run) > CANCEL_S and leases.ask_end(lease.name):
            done.append(f"{run.name}: {run.state.name}, and its process goes on: ended")
    return done


def unleased_workers(client: SyncPrefectClient, pool: str) -> list[str]:
    """Name the workers of a pool that the server hears of and that have no lease here."""
    ours = leases.workers(pool)
    seen = client.read_workers_for_work_pool(pool)
    return [one.name for one in seen if one.status == "ONLINE" and quote(one.name, "") not in ours]


def _age_s(run: FlowRun) -> float:
    """Return the seconds since the run is in its state."""
    assert run.state is not None
    return time.time() - run.state.timestamp.timestamp()


def _end(client: SyncPrefectClient, run: FlowRun, why: str) -> str:
    """End a run's record; not forced, so that the run's own last word stands."""
    assert run.state is not None
    # From CANCELLING the server takes nothing else.
    end = Cancelled if run.state.type == StateType.CANCELLING else Crashed
    message = f"{why} ({run.state.name}); {SIGNATURE}"
    answer: OrchestrationResult[Any] = client.set_flow_run_state(run.id, end(message=message))
    return f"{run.name}: {message} -> {answer.state.name if answer.state else answer.status.value}"


def sweep(seen: list[leases.Lease], live: set[str]) -> None:
    """Close what ended runs left open in MLflow, and remove their leases.

    Args:
        seen: dead leases, read before the runs were: one that a run takes now is another.
        live: ids of the runs.
    """
    for lease in seen:
        if lease.name not in live:
            close_recording(leases.told_execution(lease.name))
            leases.remove(lease)


def main() -> None:
    """Look for ever."""
    with plain_errors("reaper"), connected() as client:
        lease = leases.hold("reaper")
        reaper = Reaper()
        while True:
            try:
                for line in reaper.look(client):
                    print(time.strftime("%H:%M:%S"), line, flush=True)
            except Exception as error:  # whatever it is, the next look must come
                print(time.strftime("%H:%M:%S"), "cannot look:", away(error), file=sys.stderr)
                reaper.forget()
            os.utime(lease)  # who watches this process sees that it looks
            time.sleep(PERIOD_S)


if __name__ == "__main__":
    main()
