"""The second net under the reaper: Prefect's own automation for runs without a heartbeat.

It misses runs that died before their first heartbeat; the reaper is the first net. It cannot tell
a run that is dead from a server that was away, so it waits longer than a server takes to start.
Not forced: a run that has ended meanwhile keeps its end.
"""

from datetime import timedelta
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

NAME = "aislewatch: runs without a heartbeat"

# Seconds without a heartbeat (prefect.yaml asks for one every 30 s). A server that is started again
# counts those in which it was away itself: with 90, a run that went on was found Crashed after a
# start of 200 s, on two cores at load 12.
WITHIN_S = 900

_BEAT = "prefect.flow-run.heartbeat"
_ENDS = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed")}


def wanted(pools: list[str]) -> AutomationCore:
    """Return the automation for the runs of some work pools."""
    trigger = EventTrigger(
        after={_BEAT},
        expect={_BEAT} | _ENDS,
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        match_related=ResourceSpecification(
            {"prefect.resource.role": ["work-pool"], "prefect.resource.name": pools}
        ),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=WITHIN_S),
    )
    message = f"no heartbeat for {WITHIN_S} s; found by Prefect's automation"
    return AutomationCore(
        name=NAME,
        description="Made by `make deploy`.",
        trigger=trigger,
        actions=[
            ChangeFlowRunState(name=None, state=StateType.CRASHED, message=message, force=False)
        ],
    )


def ensure_automation(client: SyncPrefectClient, pools: list[str]) -> list[str]:
    """Make the automation, or correct it where it differs; disabled by a person, it stays so."""
    stated = wanted(pools)
    found = client.read_automations_by_name(NAME)
    if not found:
        client.create_automation(stated)
        return [f"made the automation “{NAME}”"]
    [*extra, kept] = sorted(found, key=lambda one: str(one.id))
    for one in extra:
        client.delete_automation(one.id)
    if _core(kept) == _core(stated) and not extra:
        return []
    client.update_automation(kept.id, stated.model_copy(update={"enabled": kept.enabled}))
    return [f"corrected the automation “{NAME}”"]


def fault(client: SyncPrefectClient, pools: list[str]) -> str | None:
    """Say what is wrong with the automation on the server; None if nothing is."""
    found = client.read_automations_by_name(NAME)
    if not found:
        return "is missing"
    if not found[0].enabled:
        return "is disabled"
    return None if [_core(one) for one in found] == [_core(wanted(pools))] else "was changed"


def _core(automation: AutomationCore) -> dict[str, Any]:
    """Return what a person would call its content, in one order."""
    content = automation.model_dump(mode="json", include={"trigger", "actions", "description"})
    content["trigger"].pop("id", None)
    for key in ("after", "expect", "for_each"):
        content["trigger"][key] = sorted(content["trigger"][key])
    return content
