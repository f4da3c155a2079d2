"""Runs whose stage, process, worker or server is killed (SIGKILL), nights missed, deploying again.

All on one server, project and worker, in this order: an engine takes 5 s of CPU to start and a
server 12, so each kill meets as much as it can.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import EventTrigger
from prefect.events.schemas.events import Resource, ResourceSpecification

from aislewatch.errors import PipelineError
from flows.automation import NAME
from flows.deploy import deploy
from flows.missed import collapse, missed_before
from flows.server import deployed_here, scheduled_runs
from tests.flows.shop_night import Night, gone, shop_night, stages, until, write_prefect_file

NIGHTLY = {"slug": "nightly", "cron": "0 3 * * *", "timezone": "Etc/UTC"}

# Seconds between two “nights”.
OFTEN = {"slug": "often", "interval": 3}

BEAT = "prefect.flow-run.heartbeat"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with shop_night(tmp_path_factory.mktemp("shop")) as made:
        write_prefect_file(made.folder, [NIGHTLY])
        yield made


def nights(night: Night) -> DeploymentResponse:
    [found] = [one for one in deployed_here(night.client) if one.name == "nights"]
    return found


def due(night: Night) -> list[FlowRun]:
    runs = scheduled_runs(night.client, [nights(night).id])
    times = [(run, run.next_scheduled_start_time) for run in runs]
    return [run for run, at in times if at and at.timestamp() < time.time()]


def test_deploying_twice_changes_nothing_and_what_is_paused_stays_so(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole records are compared, so also the time of the last change."""
    monkeypatch.setenv("AISLEWATCH_NOTIFY", "json://127.0.0.1:9/somebody")
    made = ["made the work pool retrain", "deployed retrain", "deployed nights"]
    made += [f"made the automation “{NAME}”", "made the block slack-webhook/aislewatch"]
    assert deploy(night.client) == made
    before = [one.model_dump() for one in deployed_here(night.client)]
    automations = night.client.read_automations_by_name(NAME)
    assert deploy(night.client) == []
    assert [one.model_dump() for one in deployed_here(night.client)] == before
    assert night.client.read_automations_by_name(NAME) == automations
    monkeypatch.setenv("AISLEWATCH_NOTIFY", "nobody")
    with pytest.raises(PipelineError, match="no address"):
        deploy(night.client)
    monkeypatch.setenv("AISLEWATCH_NOTIFY", "json://127.0.0.1:9/somebody")

    [schedule] = nights(night).schedules
    night.client.update_deployment_schedule(nights(night).id, schedule.id, active=False)
    night.client.pause_deployment(nights(night).id)
    write_prefect_file(night.folder, [NIGHTLY | {"cron": "0 4 * * *"}, OFTEN])
    assert deploy(night.client) == ["deployed nights"]
    assert nights(night).paused
    found = {one.slug: one for one in nights(night).schedules}
    assert (found["nightly"].id, found["nightly"].active) == (schedule.id, False)
    assert found["nightly"].schedule.model_dump()["cron"] == "0 4 * * *"
    assert found["often"].active


def test_missed_nights_become_their_newest_and_deploying_waits_for_a_due_run(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    night.client.resume_deployment(nights(night).id)
    until(lambda: len(due(night)) >= 4, 180.0, lambda: due(night))
    missed = due(night)[:3]
    [said] = collapse(night.client, [nights(night)])
    for run in missed:
        assert night.state(run) == StateType.CANCELLED
        assert night.message(run).startswith("missed while nothing could run; taken by ")
    newest = due(night)[0]
    first = missed_before(newest.tags)
    assert first >= 3
    assert said == f"nights: {first} missed, taken by {newest.name}"
    until(lambda: len(due(night)) >= 2, 120.0, lambda: due(night))
    collapse(night.client, [nights(night)])
    # What the run took that is now missed itself is not forgotten.
    assert missed_before(due(night)[0].tags) > first

    began = time.monotonic()
    capsys.readouterr()
    write_prefect_file(night.folder, [])
    deploy(night.client)
    assert "a run is due: waiting" in capsys.readouterr().out
    assert time.monotonic() - began > 5
    assert nights(night).schedules == []


def test_a_killed_stage_fails_its_run_and_a_killed_flow_is_crashed(night: Night) -> None:
    """Prefect's own doing, while the worker lives."""
    night.start_worker()
    failed = night.start()
    [stage] = stages(night.hanging(failed))
    stage.kill()
    night.wait(failed, StateType.FAILED)
    crashed = night.start()
    flow = night.hanging(crashed)
    below = flow.children(recursive=True)
    flow.kill()
    began = time.monotonic()
    night.wait(crashed, StateType.CRASHED, timeout_s=120)
    print(f"flow killed, RUNNING: {time.monotonic() - began:.0f} s")
    gone(below)
    assert night.slots() == {"retrain": 0, "nights": 0}


def test_a_killed_worker_takes_its_runs_along(night: Night) -> None:
    """One that goes on, and one whose process has not begun."""
    going, pending = night.start(), night.start("nights")
    flow = night.hanging(going)
    below = [flow, *flow.children(recursive=True)]
    night.wait(pending, StateType.PENDING, StateType.RUNNING)
    was = night.state(pending)
    night.kill_worker()
    print(f"worker killed, RUNNING and {was}: {night.reap(going, pending):.0f} s")
    for run in (going, pending):
        assert night.state(run) == StateType.CRASHED
    gone(below)


def test_a_healthy_run_is_left_alone_and_a_stolen_slot_given_back(night: Night) -> None:
    """Healthy is also one that is stopped; then all die at once, one of them while cancelling."""
    night.start_worker()
    cancelled, going = night.start("nights"), night.start()
    flows = [night.hanging(run) for run in (cancelled, going)]
    flows[1].suspend()
    for _ in range(4):
        assert night.reaper.look(night.client) == []
    flows[1].resume()
    assert is_watched_by_the_automation(night, going)
    [limit] = [
        one.global_concurrency_limit for one in deployed_here(night.client) if one.name == "retrain"
    ]
    assert limit is not None
    stolen = GlobalConcurrencyLimitUpdate(active_slots=0)
    night.client.update_global_concurrency_limit(limit.name, stolen)
    night.reaper.look(night.client)
    assert night.reaper.look(night.client) == ["retrain: slots taken 0 -> 1"]

    below = [one for flow in flows for one in (flow, *flow.children(recursive=True))]
    night.cancel(cancelled)
    night.kill_server()  # first, so that nobody can say a last word
    for flow in flows:
        flow.kill()
    night.kill_worker()
    [says] = [row["says"] for row in doctor(night) if row["what"] == "Prefect"]
    assert "cannot be asked" in says
    night.start_server()
    assert [row["level"] for row in doctor(night) if row["what"] == "slots of retrain"] == ["bad"]
    print(f"power lost, RUNNING and CANCELLING: {night.reap(cancelled, going):.0f} s")
    assert night.state(cancelled) == StateType.CANCELLED
    assert night.state(going) == StateType.CRASHED
    gone(below)


def test_the_next_run_runs(night: Night) -> None:
    (night.folder / "hang").unlink()
    night.start_worker()
    run = night.start()
    night.wait(run, StateType.COMPLETED)
    until(lambda: not any(night.slots().values()), 60.0, night.slots)
    rows = {row["what"]: row for row in doctor(night)}
    for well in ("deployments", "worker", "slots of retrain", "late runs", "automation"):
        assert rows[well]["level"] == "ok", rows[well]
    for amiss in ("reaper", "Prefect's slots", "Prefect's vacuum"):
        assert rows[amiss]["level"] == "warn", rows[amiss]
        assert rows[amiss]["do"]


def test_a_worker_that_is_told_to_end_ends_its_run_first(night: Night) -> None:
    """SIGTERM, as `docker stop` sends it: the run is Crashed, not left Running."""
    (night.folder / "hang").touch()
    run = night.start()
    flow = night.hanging(run)
    below = [flow, *flow.children(recursive=True)]
    assert night.worker is not None
    night.worker.terminate()
    assert night.worker.wait(120) == 128 + signal.SIGTERM
    assert night.state(run) == StateType.CRASHED
    gone(below)


def is_watched_by_the_automation(night: Night, run: FlowRun) -> bool:
    """Say whether its trigger means the run's heartbeats, as the server has them."""
    beats: list[dict[str, Any]] = []

    def has_beaten() -> bool:
        query = {"filter": {"event": {"name": [BEAT]}}}
        answer = httpx.post(f"{night.api}/events/filter", json=query, timeout=60)
        beats.extend(
            one
            for one in answer.raise_for_status().json()["events"]
            if one["resource"]["prefect.resource.id"].endswith(str(run.id))
        )
        return bool(beats)

    until(has_beaten, 120.0, lambda: "no heartbeat")
    [made] = night.client.read_automations_by_name(NAME)
    assert isinstance(made.trigger, EventTrigger)
    related = made.trigger.match_related
    assert isinstance(related, ResourceSpecification)
    return related.includes([Resource.model_validate(one) for one in beats[0]["related"]])


def doctor(night: Night) -> list[dict[str, str]]:
    """Return what Prefect's half of `aislewatch doctor` finds."""
    command = [sys.executable, "-m", "flows.doctor"]
    env = night.env | {"PREFECT_API_AUTH_STRING": "somebody:something"}
    done = subprocess.run(command, cwd=night.folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "something" not in done.stdout + done.stderr
    return list(json.loads(done.stdout))
