"""Prefect's half of `aislewatch doctor`: prints what it finds as JSON rows."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import prefect
import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterExpectedStartTime
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import get_current_settings

from aislewatch.doctor.rows import CheckRow
from aislewatch.errors import AislewatchError
from flows import automation, leases
from flows.deploy import stated_marks
from flows.reaper import PERIOD_S, SIGNATURE, cause_of_death, unleased_workers
from flows.server import away, connected, deployed_here, live_runs, scheduled_runs

# Seconds after its time that a scheduled run is worth a row: workers poll every 15.
LATE_S = 60.0

# Seconds between our clock and the server's that move a schedule.
CLOCK_S = 5.0

# File systems on which a lock of one host says nothing on another, or nothing at all.
_REMOTE = ("nfs", "cifs", "smb", "fuse.sshfs", "ceph", "glusterfs", "9p")

WEEK = timedelta(days=7)


def look() -> list[CheckRow]:
    """Look at leases, then at the server and what it holds of this project."""
    rows = [_lease_folder()]
    try:
        with connected() as client:
            rows += _server(client)
            deployments = deployed_here(client)
            rows += [_deployed(deployments), _workers(client, deployments), _reaper(client)]
            rows += [*_slots(client, deployments), _late(client, deployments)]
            rows.append(_automation(client, deployments))
    except AislewatchError as error:
        rows.append(
            CheckRow("Prefect", "warn", "no server: flows run, but no schedule", str(error))
        )
    except Exception as error:  # a row for whatever it is: the other rows are of use
        do = "start it (`make prefect-ui`), or correct PREFECT_API_URL and PREFECT_API_AUTH_STRING"
        address = get_current_settings().api.url
        rows.append(CheckRow("Prefect", "bad", f"{address} cannot be asked: {away(error)}", do))
    return rows


def _lease_folder() -> CheckRow:
    place = leases.folder()
    mounts = sorted(psutil.disk_partitions(all=True), key=lambda one: len(one.mountpoint))
    kinds = [one.fstype for one in mounts if place.is_relative_to(one.mountpoint)]
    kind = kinds[-1] if kinds else "unknown"
    if kind.startswith(_REMOTE):
        do = "keep the project on a disk of the host that runs worker and reaper"
        return CheckRow(
            "leases", "bad", f"{place} is on {kind}, where a lock is not seen by all", do
        )
    held = [lease for lease in leases.all_leases() if lease.held]
    return CheckRow("leases", "ok", f"{len(held)} held in {place} ({kind})")


def _server(client: SyncPrefectClient) -> Iterator[CheckRow]:
    began = time.time()
    answer = client.request("GET", "/admin/settings")
    settings: dict[str, Any] = answer.json()
    theirs = client.api_version()
    says = f"{get_current_settings().api.url}, {theirs}"
    if theirs != prefect.__version__:
        do = "install the same version for both"
        yield CheckRow("Prefect", "warn", f"{says}; this is {prefect.__version__}", do)
    else:
        yield CheckRow("Prefect", "ok", says)
    if stamp := answer.headers.get("date"):
        theirs_s = datetime.strptime(stamp, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC)
        apart = abs(theirs_s.timestamp() - began)
        if apart > CLOCK_S:
            do = "run an NTP service on both"
            yield CheckRow("Prefect's clock", "bad", f"{apart:.0f} s from the one here", do)
    yield from _settings(settings.get("server", {}))


def _settings(server: dict[str, Any]) -> Iterator[CheckRow]:
    storage = str((server.get("concurrency") or {}).get("lease_storage"))
    if storage.endswith("memory"):
        do = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=…lease_storage.filesystem (operations.md)"
        says = "in the server's memory: its restart ends every run that goes on for 271 s more"
        yield CheckRow("Prefect's slots", "warn", says, do)
    vacuum = (server.get("services") or {}).get("db_vacuum") or {}
    if "flow_runs" not in str(vacuum.get("enabled")) and vacuum.get("enabled") is not True:
        do = "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=events,flow_runs,orphans"
        yield CheckRow("Prefect's vacuum", "warn", "old runs are never deleted: 0.4 MB a run", do)


def _deployed(deployments: list[DeploymentResponse]) -> CheckRow:
    if not deployments:
        return CheckRow("deployments", "warn", "none of this project", "make deploy")
    sent = {tag for one in deployments for tag in one.tags}
    if missing := [name for name, mark in stated_marks() if mark not in sent]:
        says = f"not as prefect.yaml says: {', '.join(missing)}"
        return CheckRow("deployments", "warn", says, "make deploy")
    paused = [one.name for one in deployments if one.paused]
    paused += [
        f"{one.name}'s schedule {schedule.slug}"
        for one in deployments
        for schedule in one.schedules
        if not schedule.active
    ]
    says = ", ".join(sorted(one.name for one in deployments))
    if paused:
        do = "resume it in Prefect's pages when it is wanted again"
        return CheckRow("deployments", "warn", f"{says}; paused: {', '.join(paused)}", do)
    return CheckRow("deployments", "ok", says)


def _workers(client: SyncPrefectClient, deployments: list[DeploymentResponse]) -> CheckRow:
    pools = sorted({one.work_pool_name for one in deployments if one.work_pool_name})
    unleased = [name for pool in pools for name in unleased_workers(client, pool)]
    idle = [pool for pool in pools if not any(w.held for w in leases.workers(pool).values())]
    if unleased:
        says = f"without a lease here: {', '.join(unleased)}; its dead runs are ended late or never"
        do = f"stop it; start `python -m flows.worker --pool {pools[0]}` in this folder"
        return CheckRow("worker", "bad", says, do)
    if idle:
        do = "; ".join(f"python -m flows.worker --pool {pool}" for pool in idle)
        return CheckRow("worker", "warn", f"none for {', '.join(idle)}: nothing starts", do)
    return CheckRow("worker", "ok", ", ".join(pools) or "no pool")


def _reaper(client: SyncPrefectClient) -> CheckRow:
    since = FlowRunFilter(
        expected_start_time=FlowRunFilterExpectedStartTime(after_=datetime.now(UTC) - WEEK)  # type: ignore[arg-type]  # pydantic takes any datetime
    )
    states = [run.state for run in client.read_flow_runs(flow_run_filter=since)]
    reaped = sum(SIGNATURE in (state.message or "") for state in states if state)
    lease = leases.read_lease("reaper")
    if not lease or not lease.held:
        says = f"not running ({reaped} run(s) reaped in 7 days): nobody ends runs that die"
        return CheckRow("reaper", "warn", says, "python -m flows.reaper, beside the worker")
    quiet_s = time.time() - leases.touched("reaper")
    if quiet_s > 12 * PERIOD_S:
        return CheckRow(
            "reaper", "bad", f"has not looked for {quiet_s:.0f} s", f"restart {lease.pid}"
        )
    return CheckRow("reaper", "ok", f"{reaped} run(s) reaped in 7 days")


def _slots(client: SyncPrefectClient, deployments: list[DeploymentResponse]) -> Iterator[CheckRow]:
    runs = live_runs(client, [one.id for one in deployments])
    for one in deployments:
        if (limit := one.global_concurrency_limit) is None:
            continue
        own = [run for run in runs if run.deployment_id == one.id]
        says = f"{limit.active_slots} of {limit.limit} taken"
        says += "".join(f"; {_holder(run)}" for run in own)
        dead = [run.name for run in own if cause_of_death(client, run)]
        if dead:
            do = "python -m flows.reaper ends it in 12 s"
            yield CheckRow(f"slots of {one.name}", "bad", f"{says}; dead: {', '.join(dead)}", do)
        elif limit.active_slots != len(own):
            do = "look again; python -m flows.reaper sets it right"
            yield CheckRow(f"slots of {one.name}", "warn", f"{says}, by {len(own)} live run(s)", do)
        else:
            yield CheckRow(f"slots of {one.name}", "ok", says)


def _holder(run: FlowRun) -> str:
    lease = leases.read_lease(str(run.id))
    process = f"process {lease.pid}" if lease and lease.held else "no living process"
    return f"{run.name} ({run.state_name}, {process})"


def _late(client: SyncPrefectClient, deployments: list[DeploymentResponse]) -> CheckRow:
    runs = scheduled_runs(client, [one.id for one in deployments])
    times = [(run.name, run.next_scheduled_start_time) for run in runs]
    late = [name for name, due in times if due and time.time() - due.timestamp() > LATE_S]
    if late:
        do = "start a worker, or let the run that goes on end"
        return CheckRow("late runs", "warn", f"{len(late)}: {', '.join(late[:3])}", do)
    return CheckRow("late runs", "ok", "none")


def _automation(client: SyncPrefectClient, deployments: list[DeploymentResponse]) -> CheckRow:
    pools = sorted({one.work_pool_name for one in deployments if one.work_pool_name})
    fault = automation.fault(client, pools)
    if fault:
        return CheckRow("automation", "warn", f"“{automation.NAME}” {fault}", "make deploy")
    return CheckRow("automation", "ok", automation.NAME)


def main() -> None:
    """Print the rows."""
    logging.disable(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.ERROR)
    json.dump([asdict(row) for row in look()], sys.stdout)


if __name__ == "__main__":
    main()
