"""Bring prefect.yaml to the server: ``python -m flows.deploy``, in the project's root.

Said twice it changes nothing: what was sent is known by a hash, kept as a tag of the deployment.
What a person paused stays paused, deployments that left the file leave the server, and nothing is
sent in the half minute before a run is due.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import prefect
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse

from aislewatch.errors import PipelineError
from aislewatch.exits import plain_errors
from aislewatch.files import read_yaml
from flows.answers import FORM
from flows.automation import ensure_automation
from flows.blocks import ensure_block
from flows.pools import ensure_pool
from flows.server import (
    connected,
    deployed_here,
    live_runs,
    project_resource,
    scheduled_runs,
)

DEFINITION = Path("prefect.yaml")

# Seconds before a due run in which nothing is sent: redeploying there made duplicates of the run at
# 1 tick of 3, because workers take runs 10 s early; and seconds after it until it has begun.
QUIET_S = 30.0
BEGUN_S = 5.0

_MARK = "definition:"

# Without it `prefect deploy` may ask git where the code is; it is here.
_PULL = "prefect.deployments.steps.set_working_directory"


def deploy(client: SyncPrefectClient) -> list[str]:
    """Make the server's pools, deployments and automations those of this folder's prefect.yaml.

    Returns:
        A line for everything that was changed; none if nothing was.

    Raises:
        PipelineError: prefect.yaml is missing, or Prefect refuses it, with its words.
    """
    stated = _stated()
    here = deployed_here(client)
    pools = sorted({one["work_pool"]["name"] for one in stated})
    done = [line for pool in pools for line in ensure_pool(client, pool)]
    paused = {one.name for one in here if one.paused}
    sent = {mark for one in here if (mark := _mark(one.tags))}
    different = [one for one in stated if _mark(one["tags"]) not in sent]
    if different:
        _wait_for_due_run(client, here)
        _send([one | {"paused": one["name"] in paused} for one in different])
        _keep_form(client, here)
        done += [f"deployed {one['name']}" for one in different]
        done += _remove_schedules(client, stated)
    done += _remove_others(client, {_mark(one["tags"]) for one in stated})
    return done + ensure_automation(client, pools) + ensure_block()


def _stated() -> list[dict[str, Any]]:
    """Read the deployments, each with this folder to work in and the mark of its definition."""
    if not DEFINITION.exists():
        raise PipelineError(f"{Path.cwd()} has no {DEFINITION}; say this in the project's root")
    content = json.loads(json.dumps(read_yaml(DEFINITION)))
    stated = deepcopy(content["deployments"])
    for one in stated:
        for schedule in one.get("schedules", []):
            if "slug" not in schedule:
                raise PipelineError(
                    f"{DEFINITION}, deployment {one['name']}: give each schedule a `slug`; without "
                    "one a redeploy makes it anew and un-pauses it"
                )
        for trigger in one.get("triggers", []):
            # Another project's footage is none of this one's.
            trigger.setdefault("match", {"prefect.resource.id": project_resource()})
        variables = one["work_pool"].setdefault("job_variables", {})
        variables["working_dir"] = os.fspath(Path.cwd().resolve())
        one["tags"] = [*one.get("tags", []), _MARK + _digest(one)]
    return list(stated)


def stated_marks() -> list[tuple[str, str | None]]:
    """List each deployment of the file, with the tag that one of the same definition has."""
    return [(one["name"], _mark(one["tags"])) for one in _stated()]


def _digest(deployment: dict[str, Any]) -> str:
    """Hash all that decides what is sent: the definition, the flow's code, Prefect's version."""
    code = Path(*deployment["entrypoint"].split(".")[:-1]).with_suffix(".py")
    parts = [
        json.dumps(deployment, sort_keys=True),
        code.read_text() if code.exists() else "",
        prefect.__version__,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _mark(tags: list[str]) -> str | None:
    return next((tag for tag in tags if tag.startswith(_MARK)), None)


def _send(deployments: list[dict[str, Any]]) -> None:
    here = os.fspath(Path.cwd().resolve())
    content = {"pull": [{_PULL: {"directory": here}}], "deployments": deployments}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(content, file)
        file.flush()
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
        done = subprocess.run(
            [*command, "--prefect-file", file.name], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise PipelineError(f"Prefect refuses {DEFINITION}:\n{done.stdout}{done.stderr}".rstrip())


def _keep_form(client: SyncPrefectClient, before: list[DeploymentResponse]) -> None:
    """Leave the form filled in with the version that waits, as `answers` did."""
    forms = {one.id: one for one in before if one.name == FORM and one.parameters}
    for sent in deployed_here(client):
        if form := forms.get(sent.id):
            kept = DeploymentUpdate(parameters=form.parameters, description=form.description)
            client.update_deployment(sent.id, kept)


def _wait_for_due_run(client: SyncPrefectClient, deployments: list[DeploymentResponse]) -> None:
    runs = scheduled_runs(client, [one.id for one in deployments])
    times = [run.next_scheduled_start_time for run in runs]
    seconds = [due.timestamp() - time.time() for due in times if due]
    soon = [left for left in seconds if -BEGUN_S < left < QUIET_S]
    if soon:
        wait_s = max(0.0, *soon) + BEGUN_S
        print(f"a run is due: waiting {wait_s:.0f} s until it has begun", flush=True)
        time.sleep(wait_s)


def _remove_schedules(client: SyncPrefectClient, stated: list[dict[str, Any]]) -> list[str]:
    """Remove schedules that left the file: an empty list there leaves them on the server."""
    slugs = {one["name"]: {s["slug"] for s in one.get("schedules", [])} for one in stated}
    done = []
    for deployment in deployed_here(client):
        for schedule in deployment.schedules:
            if schedule.slug not in slugs.get(deployment.name, set()):
                client.delete_deployment_schedule(deployment.id, schedule.id)
                done.append(f"removed a schedule of {deployment.name}")
    return done


def _remove_others(client: SyncPrefectClient, marks: set[str | None]) -> list[str]:
    """Remove deployments of this project that are not in its file, as under a flow's old name."""
    done = []
    for deployment in deployed_here(client):
        if _mark(deployment.tags) in marks:
            continue
        if live_runs(client, [deployment.id]):
            done.append(f"{deployment.name}, which {DEFINITION} has not, stays until its run ends")
        else:
            client.delete_deployment(deployment.id)
            done.append(f"removed the deployment {deployment.name}, which {DEFINITION} has not")
    return done


def main() -> None:
    """Deploy, and say what that changed."""
    with plain_errors("deploy"), connected() as client:
        for line in deploy(client) or ["the server has all of it already: nothing changed"]:
            print(line, flush=True)


if __name__ == "__main__":
    main()
