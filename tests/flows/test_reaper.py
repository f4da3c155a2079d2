"""What becomes of a run whose stage, process, worker or server is killed: real processes, SIGKILL.

The tests share one server, one project and the worker that the last of them left: an engine takes
4 s of CPU to start, so each kill meets as much as it can.
"""

from collections.abc import Iterator

import pytest
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import StateType

from flows import leases
from flows.deploy import deploy
from tests.flows.shop_night import Night, gone, shop_night, stages, write_prefect_file


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with shop_night(tmp_path_factory.mktemp("shop")) as made:
        write_prefect_file(made.folder, [])
        deploy(made.client)
        made.start_worker()
        yield made


def test_a_killed_stage_fails_its_run_and_a_killed_flow_is_crashed(night: Night) -> None:
    """Prefect's own doing, while the worker lives; the reaper finds nothing to do."""
    failed = night.start()
    [stage] = stages(night.hanging(failed))
    stage.kill()
    night.wait(failed, StateType.FAILED)
    crashed = night.start()
    flow = night.hanging(crashed)
    below = flow.children(recursive=True)
    flow.kill()
    night.wait(crashed, StateType.CRASHED, timeout_s=20)
    gone(below)
    assert not any(night.slots().values())


def test_a_healthy_run_is_left_alone_and_a_worker_takes_its_run_along(night: Night) -> None:
    """Also when it is stopped; a stolen slot is given back; then the worker is killed."""
    run = night.start()
    flow = night.hanging(run)
    flow.suspend()
    for _ in range(4):
        assert night.reaper.look(night.client) == []
    flow.resume()
    [limit] = [one for one in night.client.read_global_concurrency_limits() if one.active_slots]
    night.client.update_global_concurrency_limit(
        limit.name, GlobalConcurrencyLimitUpdate(active_slots=0)
    )
    night.reaper.look(night.client)
    assert night.reaper.look(night.client) == ["retrain: slots taken 0 -> 1"]
    assert night.slots() == {"retrain": 1, "nights": 0}

    below = [flow, *flow.children(recursive=True)]
    night.kill_worker()
    print(f"worker killed, RUNNING: {night.reap(run):.0f} s")
    assert night.state(run) == StateType.CRASHED
    gone(below)


def test_a_run_without_a_process_is_crashed_once_its_workers_are_gone(night: Night) -> None:
    """PENDING: of a worker killed before it started the process."""
    night.start_worker()
    run = night.start()
    night.wait(run, StateType.PENDING, StateType.RUNNING)
    night.kill_worker()
    lease = leases.read_lease(str(run.id))
    print(f"worker killed, {night.state(run)}, {lease}: {night.reap(run):.0f} s")
    assert night.state(run) == StateType.CRASHED


def test_a_run_killed_while_it_is_cancelled_ends(night: Night) -> None:
    night.start_worker()
    run = night.start()
    flow = night.hanging(run)
    below = [flow, *flow.children(recursive=True)]
    night.cancel(run)
    flow.kill()
    night.kill_worker()
    print(f"worker and flow killed, CANCELLING: {night.reap(run):.0f} s")
    assert night.state(run) == StateType.CANCELLED
    gone(below)
