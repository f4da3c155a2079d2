"""Real Prefect servers on loopback, for tests, and what they know of a flow run."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.loopback import free_port
from tests.projects import environment

# No word to anyone beyond this machine, whatever a package's default is.
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_LOGGING_COLORS": "false",
}


def prefect_environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment for Prefect that leaves out the machine's profiles and databases."""
    inherited = {k: v for k, v in environment().items() if not k.startswith("PREFECT")}
    return inherited | QUIET | {"PREFECT_HOME": os.fspath(home)} | more


@contextmanager
def running(
    command: list[str],
    env: Mapping[str, str],
    log: Path,
    ready: Callable[[], bool],
    timeout_s: float = 180.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server process for the length of a block, entered once ``ready``."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=env, cwd=log.parent, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + timeout_s
        while not ready():
            assert server.poll() is None, f"{command} ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"{command} is not ready:\n{log.read_text()}"
            time.sleep(0.3)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Run a fresh server whose files lie in ``folder``; return the URL of its API."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    env = prefect_environment(folder, PREFECT_API_URL=api)
    ready = is_up(f"{api}/health")
    with running([*command, "--port", str(port)], env, folder / "server.log", ready):
        yield api


def is_up(url: str) -> Callable[[], bool]:
    """Return a question, to be asked again, whether an address answers."""

    def asks() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    return asks


def flow_runs(api: str) -> list[dict[str, Any]]:
    """List every flow run the server knows, the first expected first."""
    return _post(f"{api}/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})


def task_runs(api: str, flow_run: str) -> list[dict[str, Any]]:
    """List the task runs of a flow run, in the order in which they started."""
    query = {"flow_runs": {"id": {"any_": [flow_run]}}}
    found = _post(f"{api}/task_runs/filter", query)
    return sorted(found, key=lambda run: run["expected_start_time"])


def logs(api: str, task_run: str) -> str:
    """Return a task run's log as the UI shows it."""
    query = {"logs": {"task_run_id": {"any_": [task_run]}}, "sort": "TIMESTAMP_ASC"}
    return "\n".join(record["message"] for record in _post(f"{api}/logs/filter", query))


def artifacts(api: str, flow_run: str) -> dict[str, str]:
    """Return a flow run's artifacts by key."""
    query = {"artifacts": {"flow_run_id": {"any_": [flow_run]}}}
    found = _post(f"{api}/artifacts/filter", query)
    return {artifact["key"]: artifact["data"] for artifact in found if artifact["key"]}


def _post(url: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = httpx.post(url, json=body, timeout=30)
    answer.raise_for_status()
    return list(answer.json())
