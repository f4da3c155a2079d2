"""Deploying again, and nights that were missed, on a real server; no run is ever started."""

import time
from collections.abc import Iterator

import pytest
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse

from flows.automation import NAME
from flows.deploy import deploy
from flows.missed import collapse, missed_before
from flows.server import deployed_here, scheduled_runs
from tests.flows.shop_night import Night, shop_night, until, write_prefect_file

NIGHTLY = {"slug": "nightly", "cron": "0 3 * * *", "timezone": "Etc/UTC"}

# Seconds between two “nights”.
OFTEN_S = 3


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with shop_night(tmp_path_factory.mktemp("shop")) as made:
        write_prefect_file(made.folder, [NIGHTLY])
        assert deploy(made.client) == [
            "made the work pool retrain",
            "deployed retrain",
            "deployed nights",
            f"made the automation “{NAME}”",
        ]
        yield made


def nights(night: Night) -> DeploymentResponse:
    [found] = [one for one in deployed_here(night.client) if one.name == "nights"]
    return found


def test_said_twice_it_changes_nothing_and_what_is_paused_stays_so(night: Night) -> None:
    """Whole records are compared, so also the time of the last change."""
    before = [one.model_dump() for one in deployed_here(night.client)]
    automations = night.client.read_automations_by_name(NAME)
    assert deploy(night.client) == []
    assert [one.model_dump() for one in deployed_here(night.client)] == before
    assert night.client.read_automations_by_name(NAME) == automations

    [schedule] = nights(night).schedules
    night.client.update_deployment_schedule(nights(night).id, schedule.id, active=False)
    night.client.pause_deployment(nights(night).id)
    write_prefect_file(night.folder, [NIGHTLY | {"cron": "0 4 * * *"}])
    assert deploy(night.client) == ["deployed nights"]
    found = nights(night)
    assert found.paused
    [changed] = found.schedules
    assert (changed.id, changed.active) == (schedule.id, False)
    assert changed.schedule.model_dump()["cron"] == "0 4 * * *"


def due(night: Night) -> list[FlowRun]:
    runs = scheduled_runs(night.client, [nights(night).id])
    times = [(run, run.next_scheduled_start_time) for run in runs]
    return [run for run, at in times if at and at.timestamp() < time.time()]


def test_missed_nights_become_their_newest_and_deploying_waits_for_a_due_run(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    write_prefect_file(night.folder, [{"slug": "often", "interval": OFTEN_S}])
    night.client.resume_deployment(nights(night).id)
    assert deploy(night.client) == ["deployed nights", "removed a schedule of nights"]
    until(lambda: len(due(night)) >= 4, 60.0, lambda: due(night))
    missed = due(night)[:3]
    [said] = collapse(night.client, [nights(night)])
    for run in missed:
        assert night.state(run) == StateType.CANCELLED
        assert night.message(run).startswith("missed while nothing could run; taken by ")
    newest = due(night)[0]
    first = missed_before(newest.tags)
    assert first >= 3
    assert said == f"nights: {first} missed, taken by {newest.name}"
    until(lambda: len(due(night)) >= 2, 30.0, lambda: due(night))
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
