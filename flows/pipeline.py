"""The pipeline as a Prefect flow: one task a stage of dvc.yaml, in DAG order.

``python -m flows.pipeline`` runs it in the project that is the working directory, on the server
that PREFECT_API_URL names or else on one of its own. Deployments: prefect.yaml.

Tasks are called one after the other in the main thread, not submitted to a pool: DVC takes one
command at a time anyway, and only the main thread is told of a cancellation or a timeout. Nothing
is retried: a stage given the same input fails in the same way.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.settings import (
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)
from prefect.states import Completed, Crashed, Failed

from aislewatch.errors import AislewatchError, PipelineError
from aislewatch.recording.waiting import finish
from aislewatch.register.registration import forget_stale_registration
from aislewatch.tables import places
from aislewatch.tracking.execution import make_execution
from flows.command import StageKilledError, StageReport, reproduce
from flows.dag import Stage, read_dag
from flows.leases import tell_execution
from flows.report import is_idle, publish, summary

# Seconds given to Prefect's own server where none runs: 13 measured on 2 idle cores, 34 on busy
# ones, first start; Prefect's default of 20 fails there.
SERVER_START_S = 180

# A shell's word for a command that SIGKILL ended: so a retraining knows a crash from a failure.
CRASHED_STATUS = 128 + signal.SIGKILL

STATE_NAMES = {"ran": "Completed", "restored": "Restored", "unchanged": "Unchanged"}


@task(task_run_name="{address}", cache_policy=NO_CACHE)
def run_stage(address: str, execution: Path) -> Any:
    """Run one stage; the state's name and message say in Prefect's UI what became of it.

    Returns:
        A state; where it is a completed one, its result is the `StageReport`.
    """
    logger = get_run_logger()
    try:
        report = reproduce(address, execution, logger.info)
    except StageKilledError as error:
        return Crashed(message=str(error))
    except PipelineError as error:
        return Failed(message=str(error))
    message = f"{report.outcome} in {report.seconds:.1f} s"
    return Completed(name=STATE_NAMES[report.outcome], message=message, data=report)


@flow(name="pipeline")
def pipeline() -> State[Any]:
    """Run every stage, from footage to the registered model; stop at the first that fails.

    Failed where a stage says why, Crashed where a signal ended it: nobody's input is at fault then,
    and the next run goes on from what was finished.
    """
    try:
        stages = read_dag()
        _forget_stale_registration()
        execution = make_execution(psutil.Process(), "flow")
        tell_execution(execution)
    except AislewatchError as error:
        return Failed(message=str(error))
    reports, end = _run_stages(stages, execution)
    failure = None if end is None else end.message or f"it ended as {end.name}"
    killed = failure if end is not None and end.is_crashed() else None
    url = _finish_recording(execution, failure is not None, is_idle(reports, failure), killed)
    publish(stages, reports, failure, url)
    if failure:
        return (Crashed if killed else Failed)(message=failure)
    return Completed(message=summary(reports))


def _run_stages(
    stages: list[Stage], execution: Path
) -> tuple[list[StageReport], State[Any] | None]:
    """Run the stages in order; return what became of them, and the state that ended the run."""
    done: dict[str, State[bool]] = {}
    reports: list[StageReport] = []
    for stage in stages:
        upstream = [done[address] for address in stage.upstream]
        state = run_stage(stage.address, execution, wait_for=upstream, return_state=True)
        if not state.is_completed():
            return reports, state
        reports.append(state.result())
        # Without the report: Prefect takes equal strings inside two results for one object, and
        # would draw an edge between stages that only ended alike.
        done[stage.address] = state.model_copy(update={"data": True})
    return reports, None


def _forget_stale_registration() -> None:
    if forget_stale_registration():
        get_run_logger().warning(
            f"The registry lacks the version that {places.REGISTRATION} states: registering again."
        )


def _finish_recording(execution: Path, failed: bool, idle: bool, killed: str | None) -> str | None:
    """Return the URL of the execution's run, if it has one, once MLflow has everything."""
    try:
        return finish(execution, failed, idle, killed or "")
    except AislewatchError as error:
        # The stages are done, or failed with words of their own: those are the flow's result.
        get_run_logger().warning("MLflow has not recorded this flow: %s", error)
        return None


def run_by_hand(flow_: Callable[..., Any]) -> None:
    """Run a flow that returns its state; exit with its own words if it did not complete.

    Raises:
        SystemExit: in status 1; in `CRASHED_STATUS` where the flow is Crashed.
    """
    # Left to itself, SIGTERM skips the exit handler that ends Prefect's temporary server.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    patience = {PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: SERVER_START_S}
    with temporary_settings(set_defaults=patience):
        state: State[Any] = flow_(return_state=True)
    if state.is_crashed():
        print(state.message, file=sys.stderr)
        sys.exit(CRASHED_STATUS)
    if not state.is_completed():
        sys.exit(state.message)


def main() -> None:
    """Run the pipeline once."""
    run_by_hand(pipeline)


if __name__ == "__main__":
    main()
