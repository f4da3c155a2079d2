"""The Prefect server as our own commands meet it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import get_current_settings

from aislewatch.errors import PipelineError
from aislewatch.recording.address import without_password

# Deployments of all projects read in one request; the server gives 200 at most.
PAGE = 200

# States in which a run holds its deployment's slot.
LIVE = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """Talk with the server that PREFECT_API_URL names.

    Raises:
        PipelineError: none is named; Prefect would start one of its own, which nobody else sees.
    """
    if not get_current_settings().api.url:
        raise PipelineError(
            "PREFECT_API_URL names no Prefect server; start one (`make prefect-ui`) and set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    with get_client(sync_client=True) as client:
        yield client


def project_resource() -> str:
    """Return what this project is called in the events about it."""
    return f"aislewatch.project.{Path.cwd().name}"


def send_event(client: SyncPrefectClient, name: str, payload: dict[str, str]) -> None:
    """Send an event about this project, and know that the server has it.

    `prefect.events.emit_event` sends in the background and says nothing when that fails.

    Raises:
        httpx.HTTPError: the server did not take it.
    """
    event = {
        "occurred": datetime.now(UTC).isoformat(),
        "event": name,
        "resource": {"prefect.resource.id": project_resource()},
        "payload": payload,
        "id": str(uuid4()),
    }
    request: Any = client.request  # Prefect types the addresses that its own methods use
    request("POST", "/events", json=[event])


def scheduled_runs(client: SyncPrefectClient, deployments: Iterable[UUID]) -> list[FlowRun]:
    """List the runs that wait for their time, or for a worker; the earliest first."""
    earliest_first = FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC
    return _runs(client, deployments, [StateType.SCHEDULED], earliest_first)


def live_runs(client: SyncPrefectClient, deployments: Iterable[UUID]) -> list[FlowRun]:
    """List the runs that hold a slot."""
    return _runs(client, deployments, LIVE, None)


def _runs(
    client: SyncPrefectClient,
    deployments: Iterable[UUID],
    states: list[StateType],
    sort: FlowRunSort | None,
) -> list[FlowRun]:
    ids = list(deployments)
    if not ids:
        return []
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=ids)),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states))
        ),
        sort=sort,
        limit=PAGE,
    )


def away(error: Exception) -> str:
    """Say in one line, without a password, why the server could not be asked."""
    return without_password(" ".join(f"{type(error).__name__}: {error}".split()))[:200]


def deployed_here(client: SyncPrefectClient) -> list[DeploymentResponse]:
    """List the deployments whose runs work in this project, on this host.

    `flows.deploy` gives them the project's folder as working directory.
    """
    here, found = os.fspath(Path.cwd().resolve()), list[DeploymentResponse]()
    while page := client.read_deployments(limit=PAGE, offset=len(found)):
        found += page
        if len(page) < PAGE:
            break
    return [one for one in found if (one.job_variables or {}).get("working_dir") == here]
