"""Work pools of the deployments."""

import asyncio

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

# A worker of this kind starts each run as a process of its own host.
KIND = "process"


def ensure_pool(client: SyncPrefectClient, name: str) -> list[str]:
    """Make a work pool unless it is there; one that is, is left as it is, paused or not."""
    try:
        client.read_work_pool(name)
        return []
    except ObjectNotFound:
        template = asyncio.run(get_default_base_job_template_for_infrastructure_type(KIND))
        pool = WorkPoolCreate(name=name, type=KIND, base_job_template=template or {})
        client.create_work_pool(pool)
        return [f"made the work pool {name}"]
