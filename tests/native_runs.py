"""Runs on the native stack of docker/compose.yaml, and what its servers say of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from tests.flows.shop_night import until


def prefect_says(env: dict[str, str], *words: str) -> Any:
    """Ask the Prefect server as the worker would."""
    command = ["prefect", "api", *words]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def start_run(env: dict[str, str]) -> str:
    """Ask for a run of the one deployment, and return its id."""
    [deployment] = prefect_says(env, "POST", "/deployments/filter")
    made = prefect_says(env, "POST", f"/deployments/{deployment['id']}/create_flow_run")
    return str(made["id"])


def run_states(env: dict[str, str]) -> dict[str, str]:
    """Return the state of each flow run; print what it says."""
    runs = prefect_says(env, "POST", "/flow_runs/filter")
    print([(run["id"], run["state"]["message"]) for run in runs])
    return {run["id"]: run["state_type"] for run in runs}


def stage_of(folder: Path) -> psutil.Process:
    """Wait for a stage that works in a project, and return its process."""
    found: list[psutil.Process] = []

    def works() -> bool:
        found[:] = [
            one
            for one in psutil.process_iter(["cmdline"])
            if (one.info["cmdline"] or [])[1:2] == ["-m"]
            and one.info["cmdline"][2].startswith("stages.")
            and one.cwd() == os.fspath(folder)
        ]
        return bool(found)

    until(works, 600.0, lambda: (folder / "worker.log").read_text())
    return found[0]


def answers(client: MlflowClient) -> bool:
    """Say whether MLflow's server answers from its database."""
    try:
        return bool(client.search_experiments())
    except MlflowException:
        return False


def dvc_here(folder: Path, env: dict[str, str], *words: str) -> None:
    """Run DVC as the worker would."""
    command = [sys.executable, "-m", "dvc", *words]
    subprocess.run(command, cwd=folder, env=env, check=True)
