"""Runs whose stage, process, worker or server is killed (SIGKILL), nights missed, deploying again.

All on one server, project and worker, in this order: an engine takes 5 s of CPU to start and a
server 12, so each kill meets as much as it can.
"""

import signal
import time
from collections.abc import Iterator

import pytest
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import EventTrigger
from prefect.events.schemas.events import Resource, ResourceSpecification

from aislewatch.errors import PipelineError
from flows import reaper
from flows.automation import NAME
from flows.deploy import deploy
from flows.missed import collapse, missed_before
from flows.server import deployed_here, scheduled_runs
from tests.flows.kills import bring, doctor, ends, launching, line, mended
from tests.flows.shop_night import (
    DEPLOYMENTS,
    HANG,
    Night,
    gone,
    shop_night,
    stages,
    until,
    write_prefect_file,
)

NIGHTLY = {"slug": "nightly", "cron": "0 3 * * *", "timezone": "Etc/UTC"}

# Seconds between two “nights”.
OFTEN = {"slug": "often", "interval": 3}

CRASHED, CANCELLED, RUNNING = StateType.CRASHED, StateType.CANCELLED, StateType.RUNNING


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
    made = ["made the work pool retrain", "made the work pool short"]
    made += [*(f"deployed {name}" for name in DEPLOYMENTS)]
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


def test_a_server_killed_alone_ends_no_run_that_goes_on(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks while it is away ends, or goes on; the run that went on can still be cancelled."""
    night.start_worker()
    met = bring(night, ("pending", "starting", "retrain", "cancelling"))
    night.kill_server()
    [says] = [row["says"] for row in doctor(night) if row["what"] == "Prefect"]
    assert "cannot be asked" in says
    night.start_server()
    (night.folder / "gate").unlink()
    going = {"retrain": met.pop("retrain"), "pending": met.pop("pending")}
    took = mended(night, met, lambda: night.reaper.look(night.client))
    print(line("server", met, took, night))
    assert ends(night, met) == {"starting": CRASHED, "cancelling": CANCELLED}
    for one in going.values():
        night.hanging(one.run)
    assert night.reaper.look(night.client) == []

    # Prefect's worker listens for cancellations no more (3.8.8).
    monkeypatch.setattr(reaper, "CANCEL_S", 5.0)
    night.cancel(going["retrain"].run)
    stages(night.hanging(going["pending"].run))[0].kill()
    took = mended(night, going, lambda: night.reaper.look(night.client))
    print(line("stage, or by a person after a server was", going, took, night))
    assert ends(night, going)["retrain"] in (CANCELLED, CRASHED)
    assert ends(night, going)["pending"] == CRASHED


def test_a_killed_flow_is_crashed_whenever_that_is(night: Night) -> None:
    """Prefect's own doing while the worker lives, but for a run that is cancelled just then."""
    night.start_worker()
    met = bring(night, ("starting", "early", "cancelling"))
    for one in met.values():
        assert one.process is not None
        one.process.kill()
    took = mended(night, met, lambda: night.reaper.look(night.client))
    print(line("flow", met, took, night))
    assert ends(night, met) == {"starting": CRASHED, "early": CRASHED, "cancelling": CANCELLED}


def test_a_killed_worker_takes_its_runs_along(night: Night) -> None:
    night.start_worker()
    met = bring(night, ("pending", "starting", "early", "cancelling"))
    night.kill_worker()
    took = mended(night, met, lambda: night.reaper.look(night.client))
    print(line("worker", met, took, night))
    # The flow may say its last word, Crashed, before the server knows of the cancellation.
    found = ends(night, met)
    assert found.pop("cancelling") in (CRASHED, CANCELLED)
    assert found == dict.fromkeys(found, CRASHED)
    # The process that had not come to its launcher finds no worker, and does not begin.
    until(lambda: launching(night) == [], 60.0, lambda: launching(night))


def test_a_healthy_run_is_left_alone_and_a_stolen_slot_given_back(night: Night) -> None:
    """Healthy is also one that is stopped; then all die at once."""
    night.start_worker()
    met = bring(night, ("retrain",))
    going = met["retrain"].process
    assert going is not None
    going.suspend()
    for _ in range(4):
        assert night.reaper.look(night.client) == []
    going.resume()
    assert is_watched_by_the_automation(night, met["retrain"].run)
    here = deployed_here(night.client)
    [limit] = [one.global_concurrency_limit for one in here if one.name == "retrain"]
    assert limit is not None
    stolen = GlobalConcurrencyLimitUpdate(active_slots=0)
    night.client.update_global_concurrency_limit(limit.name, stolen)
    night.reaper.look(night.client)
    assert night.reaper.look(night.client) == ["retrain: slots taken 0 -> 1"]

    met |= bring(night, ("pending", "starting", "cancelling"))
    night.kill_server()  # first, so that nobody can say a last word
    for one in met.values():
        if one.process is not None:
            one.process.kill()
    night.kill_worker()
    night.start_server()
    assert [row["level"] for row in doctor(night) if row["what"] == "slots of retrain"] == ["bad"]
    print(line("power", met, mended(night, met, lambda: night.reaper.look(night.client)), night))
    assert ends(night, met) == dict.fromkeys(met, CRASHED) | {"cancelling": CANCELLED}


def test_the_next_run_runs(night: Night) -> None:
    (night.folder / "hang").unlink()
    night.start_worker("--limit", "1")
    night.short = night.worker_of("short")
    run = night.start()
    night.wait(run, StateType.COMPLETED)
    until(lambda: not any(night.slots().values()), 60.0, night.slots)
    rows = {row["what"]: row for row in doctor(night)}
    for well in ("deployments", "worker", "slots of retrain", "late runs", "automation"):
        assert rows[well]["level"] == "ok", rows[well]
    for amiss in ("reaper", "Prefect's vacuum"):
        assert rows[amiss]["level"] == "warn", rows[amiss]
        assert rows[amiss]["do"]


def test_no_answer_waits_for_a_retraining_which_is_told_to_end_with_its_worker(
    night: Night,
) -> None:
    """Where one retraining at a time is all a worker takes; SIGTERM, as `docker stop` sends it."""
    (night.folder / "hang").write_text(HANG)
    run = night.start()
    flow = night.hanging(run)
    (night.folder / "hang").unlink()
    second, answer = night.start(), night.start("answers")
    night.wait(answer, StateType.COMPLETED)
    assert night.short is not None
    night.short.terminate()
    assert [one.id for one in night.live()] == [run.id], "two retrainings"
    assert night.state(second) in (StateType.SCHEDULED, CANCELLED)
    night.client.delete_flow_run(second.id)
    below = [flow, *flow.children(recursive=True)]
    assert night.worker is not None
    night.worker.terminate()
    assert night.worker.wait(120) == 128 + signal.SIGTERM
    assert night.state(run) == StateType.CRASHED
    gone(below)
    night.short.wait(60)


def is_watched_by_the_automation(night: Night, run: FlowRun) -> bool:
    """Say whether its trigger means the run's heartbeats, as the server has them."""
    [made] = night.client.read_automations_by_name(NAME)
    assert isinstance(made.trigger, EventTrigger)
    related = made.trigger.match_related
    assert isinstance(related, ResourceSpecification)
    beat = night.heartbeats(run)[0]
    return related.includes([Resource.model_validate(one) for one in beat["related"]])
