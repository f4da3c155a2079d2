"""Monitoring as a Prefect flow: what ``aislewatch monitor`` does, with its result as an artifact.

``python -m flows.monitor FOLDER`` runs it in the project that is the working directory.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from aislewatch.cli.monitor import run_monitor
from aislewatch.errors import AislewatchError, PipelineError
from aislewatch.tables import places
from flows.server import connected, send_event

# The event that starts a retraining.
DRIFT = "aislewatch.drift"


@flow(name="monitor")
def monitor(folder: str) -> State[Any]:
    """Say whether the videos of a folder have drifted, and which cameras are at fault."""
    try:
        found, url, why_not = run_monitor(Path(folder))
    except AislewatchError as error:
        return Failed(message=str(error))
    faults = [
        f"* camera {seen.camera}, {seen.video}: {seen.notice.describe()}" for seen in found.faults
    ]
    notes = [
        f"* not compared: {note}"
        for note in [*found.drift.unjudged, *found.notes, *filter(None, [why_not])]
    ]
    lines = [f"**{found.why}**", "", *faults, *notes, "", f"`{places.MONITOR}/index.html`", url]
    create_markdown_artifact(key="monitor", markdown="\n".join(lines))
    if found.drift.drifted:
        # It starts a retraining, which looks into drift.json; without a server nobody is there.
        with suppress(PipelineError, httpx.HTTPError), connected() as client:
            send_event(client, DRIFT, {"why": found.why})
    words = "drift" if found.drift.drifted else "fault" if found.faults else "no drift"
    return Completed(message=f"{words}: {found.why}")


if __name__ == "__main__":
    state = monitor(sys.argv[1], return_state=True)
    if not state.is_completed():
        sys.exit(state.message)
