"""A shop's project with stand-in flows, its server, worker and reaper as real processes.

The flows do nothing but hold a stage under the project's own guard, which is what a kill meets.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from flows import leases
from flows.reaper import Reaper
from flows.server import connected, live_runs
from tests.loopback import free_port
from tests.prefect_servers import is_up, prefect_environment, running

FLOWS = """
import os, subprocess, sys
from pathlib import Path
from prefect import flow
from prefect.states import Crashed
from flows.command import signal_of

@flow
def night():
    lock = os.environ["PREFECT__FLOW_RUN_ID"] + ".lock"  # two deployments: two projects' flows
    stage = [sys.executable, "-m", "flows.guard", str(os.getpid()), lock]
    work = Path("hang").read_text() if Path("hang").exists() else "true"
    stage += [word for word in work.split("|") if word]
    process = subprocess.Popen(stage, start_new_session=True)
    try:
        status = process.wait()
        if signal_of(status):  # as flows.pipeline has it
            return Crashed(message=f"the stage was killed by {signal_of(status)}")
        if status:
            raise RuntimeError(f"stage ended with {process.returncode}")
    finally:
        process.terminate()
"""


# One for each moment in which a run is killed, so that all of them meet one kill; `nights` with a
# schedule, and `answers` in the pool of what must not wait.
DEPLOYMENTS = ("retrain", "nights", "pending", "starting", "early", "cancelling", "answers")

# A process that has not come to its launcher yet, for as long as there is the file `gate`.
GATED = "sh -c 'while [ -e gate ]; do sleep 0.1; done; exec python -m flows.launch'"

# As compose has it: in the server's memory they would go with it.
SLOTS_IN_FILES = "prefect.server.concurrency.lease_storage.filesystem"

BEAT = "prefect.flow-run.heartbeat"

# The stage's command, its words apart by "|".
HANG = "sleep|600"


class Night:
    """The project, and what is done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        api = self.api = f"http://127.0.0.1:{self.port}/api"
        self.env = prefect_environment(
            folder / "home",
            PREFECT_API_URL=api,
            PREFECT_WORKER_QUERY_SECONDS="2",
            PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=SLOTS_IN_FILES,
            PYTHONPATH=os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
        )
        self.client: SyncPrefectClient
        self.reaper = Reaper()
        self.worker: subprocess.Popen[bytes] | None = None
        self.short: subprocess.Popen[bytes] | None = None
        self.server: ExitStack = ExitStack()
        self._process: subprocess.Popen[bytes]

    def start_server(self) -> None:
        """Run a Prefect server; its files are kept from one to the next, slots as it is set."""
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(self.port)]
        env = {key: value for key, value in self.env.items() if key != "PYTHONPATH"}
        log, up = self.folder / "server.log", is_up(f"{self.api}/health")
        self._process = self.server.enter_context(running(command, env, log, up))

    def kill_server(self) -> None:
        """Kill the server."""
        self._process.kill()
        self._process.wait()

    def start_worker(self, *options: str) -> None:
        """Start the worker of the pool `retrain` by our launcher, unless one lives."""
        if self.worker is None or self.worker.poll() is not None:
            self.worker = self.worker_of("retrain", *options)

    def worker_of(self, pool: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker by our launcher."""
        command = [sys.executable, "-m", "flows.worker", "--pool", pool, *options]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log)

    def kill_worker(self) -> None:
        """Kill the worker itself; its launcher then ends."""
        assert self.worker is not None
        for child in psutil.Process(self.worker.pid).children():
            child.kill()
        self.worker.wait(20)

    def start(self, name: str = "retrain") -> FlowRun:
        """Ask for a run of a deployment."""
        [deployment] = [one for one in self.client.read_deployments() if one.name == name]
        return self.client.create_flow_run_from_deployment(deployment.id)

    def state(self, run: FlowRun) -> StateType:
        """Return a run's state now."""
        state = self.client.read_flow_run(run.id).state
        assert state is not None
        return state.type

    def message(self, run: FlowRun) -> str:
        """Return what a run's state says."""
        state = self.client.read_flow_run(run.id).state
        assert state is not None
        return state.message or ""

    def cancel(self, run: FlowRun) -> None:
        """Ask for a run's end, as the button in Prefect's pages does."""
        self.client.set_flow_run_state(run.id, Cancelling())

    def wait(self, run: FlowRun, *wanted: StateType, timeout_s: float = 300.0) -> None:
        """Wait until a run is in one of some states, without the reaper."""
        until(lambda: self.state(run) in wanted, timeout_s, lambda: self.log(run))

    def log(self, run: FlowRun) -> str:
        """Return what is known of a run."""
        log = (self.folder / "worker.log").read_text()[-3000:]
        return f"{self.state(run)} {self.message(run)}\n{log}"

    def hanging(self, run: FlowRun) -> psutil.Process:
        """Wait until a run's stage runs; return the run's process."""
        self.wait(run, StateType.RUNNING)
        lease = leases.read_lease(str(run.id))
        assert lease is not None
        assert lease.held
        process = psutil.Process(lease.pid)
        until(lambda: stages(process) != [], 300.0, lambda: self.log(run))
        return process

    def reap(self, *runs: FlowRun, timeout_s: float = 300.0) -> float:
        """Look every second until the runs have ended and no slot is taken; return the seconds."""
        began = time.monotonic()

        def is_mended() -> bool:
            self.reaper.look(self.client)
            final = all(self.state(run) not in LIVE for run in runs)
            return final and not any(self.slots().values())

        until(is_mended, timeout_s, lambda: "\n".join(map(self.log, runs)), 1.0)
        return time.monotonic() - began

    def heartbeats(self, run: FlowRun) -> list[dict[str, Any]]:
        """Return the heartbeats of a run that the server has."""
        query = {"filter": {"event": {"name": [BEAT]}}}
        answer = httpx.post(f"{self.api}/events/filter", json=query, timeout=60)
        found = answer.raise_for_status().json()["events"]
        return [
            one for one in found if one["resource"]["prefect.resource.id"].endswith(str(run.id))
        ]

    def slots(self) -> dict[str, int]:
        """Return how many slots of each deployment are taken."""
        found = self.client.read_deployments()
        limits = {one.name: one.global_concurrency_limit for one in found}
        return {name: limit.active_slots for name, limit in limits.items() if limit}

    def live(self) -> list[FlowRun]:
        """List the runs that hold a slot."""
        return live_runs(self.client, [one.id for one in self.client.read_deployments()])


LIVE = {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}


def stages(process: psutil.Process) -> list[psutil.Process]:
    """List the stage's own processes below a run."""
    return [one for one in process.children(recursive=True) if one.name() == "sleep"]


def gone(processes: list[psutil.Process], timeout_s: float = 120.0) -> None:
    """Make sure that no process of some is left."""
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    assert alive == []


def until(
    is_so: Callable[[], bool], timeout_s: float, why: Callable[[], Any], every_s: float = 0.2
) -> None:
    """Wait for something; fail with what is known."""
    give_up = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up, why()
        time.sleep(every_s)


def write_prefect_file(folder: Path, schedules: list[dict[str, Any]]) -> None:
    """Write the shop's prefect.yaml: the project's own, with the stand-in as its flows."""
    shipped = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())
    pattern = shipped["deployments"][0] | {"entrypoint": "shop_flows.night", "schedules": []}
    named = {name: deepcopy(pattern) | {"name": name} for name in DEPLOYMENTS}
    named["nights"]["schedules"] = schedules
    [promote] = [one for one in shipped["deployments"] if one["name"] == "promote"]
    named["answers"]["work_pool"]["name"] = promote["work_pool"]["name"]
    named["pending"]["work_pool"]["job_variables"]["command"] = GATED
    del named["early"]["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]
    content = {"deployments": list(named.values())}
    (folder / "prefect.yaml").write_text(yaml.safe_dump(content))


@contextmanager
def shop_night(folder: Path) -> Iterator[Night]:
    """Make the project, with its server to talk with; this process works in it."""
    night = Night(folder)
    (folder / "shop_flows.py").write_text(FLOWS)
    (folder / "hang").write_text(HANG)
    with pytest.MonkeyPatch.context() as patch, chdir(folder), night.server:
        for name in ("PREFECT_API_URL", "PREFECT_HOME", "PYTHONPATH"):
            patch.setenv(name, night.env[name])
        night.start_server()
        with temporary_settings({PREFECT_API_URL: night.api}), connected() as client:
            night.client = client
            try:
                yield night
            finally:
                for worker in filter(None, (night.worker, night.short)):
                    worker.send_signal(signal.SIGTERM)
                    worker.wait(60)
