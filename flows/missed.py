"""Collapse a backlog of missed nights into its newest run: ``python -m flows.missed``.

While no worker runs, a night after the other becomes due. Left alone, Prefect runs the oldest and
cancels the others for want of a slot, or runs all of them one after the other (``--limit 1``).
"""

import re
import time
from collections.abc import Sequence
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Cancelled

from aislewatch.errors import PipelineError
from aislewatch.exits import plain_errors
from flows.server import away, connected, deployed_here, scheduled_runs

# Seconds that the worker waits for its server: one that starts on a busy machine took 34.
PATIENCE_S = 300.0

_TAG = re.compile(r"missed:(\d+)$")


def missed_before(tags: Sequence[str]) -> int:
    """Read from a run's tags how many runs before it were missed and are its work, too."""
    return max((int(found[1]) for tag in tags if (found := _TAG.match(tag))), default=0)


def collapse(client: SyncPrefectClient, deployments: Sequence[DeploymentResponse]) -> list[str]:
    """Cancel all due scheduled runs of each deployment but the newest, with the reason.

    The newest is tagged ``missed:N`` and gets an artifact that says so. Killed half-way, it ends at
    the same number when called again.

    Returns:
        A line for every deployment that had a backlog.
    """
    said = []
    for deployment in deployments:
        due = _due(client, deployment)
        if len(due) < 2:
            continue
        *lost, newest = due
        missed = sum(1 + missed_before(run.tags) for run in lost)
        missed = max(missed, missed_before(newest.tags))
        said.append(f"{deployment.name}: {missed} missed, taken by {newest.name}")
        _tell(client, newest, missed)
        taken = f"{newest.name} of {newest.next_scheduled_start_time:%d %b %H:%M} UTC"
        for run in lost:
            why: State[Any] = Cancelled(message=f"missed while nothing could run; taken by {taken}")
            client.set_flow_run_state(run.id, why, force=True)
    return said


def _due(client: SyncPrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
    """List the runs that the deployment's schedule made and that are due, the oldest first."""
    # Not those that wait for a slot or were asked for by a person: each of these is meant.
    return [
        run
        for run in scheduled_runs(client, [deployment.id])
        if run.auto_scheduled and run.state_name in ("Scheduled", "Late") and _is_due(run)
    ]


def _is_due(run: FlowRun) -> bool:
    due = run.next_scheduled_start_time
    return due is not None and due.timestamp() <= time.time()


def _tell(client: SyncPrefectClient, run: FlowRun, missed: int) -> None:
    if missed_before(run.tags) == missed:
        return
    others = [tag for tag in run.tags if not _TAG.match(tag)]
    client.update_flow_run(run.id, tags=[*others, f"missed:{missed}"])
    text = f"**{missed} run(s) before this one were missed** while nothing could run; it takes all."
    client.create_artifact(
        ArtifactCreate(key="missed", type="markdown", data=text, flow_run_id=run.id)
    )


def main() -> None:
    """Collapse the backlog of this project's deployments, once the server answers."""
    give_up = time.monotonic() + PATIENCE_S
    with plain_errors("missed"), connected() as client:
        while True:
            try:
                for line in collapse(client, deployed_here(client)):
                    print(line, flush=True)
                return
            except Exception as error:
                if time.monotonic() > give_up:
                    raise PipelineError(
                        f"the Prefect server does not answer: {away(error)}; start it, then this"
                    ) from error
                time.sleep(2)


if __name__ == "__main__":
    main()
