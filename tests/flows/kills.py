"""Runs brought to a moment, something killed there, and the seconds until all is mended.

Every moment has a deployment of its own, so that one kill meets runs in all of them.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import psutil
from prefect.client.schemas.objects import FlowRun, StateType

from flows import leases
from tests.flows.shop_night import LIVE, Night, gone, until
from tests.tiny_pipelines import processes_in

# The moments, each by its deployment; `early` sends no heartbeat, so it dies before its first.
MOMENTS = {
    "pending": "pending, no process yet",
    "starting": "pending, its process begins",
    "early": "running, before the first heartbeat",
    "retrain": "running, after heartbeats",
    "cancelling": "cancelling",
}


@dataclass
class Met:
    """A run that a kill will meet.

    Args:
        run: the run.
        process: its process; None while there is none.
        below: its process and all below it.
    """

    run: FlowRun
    process: psutil.Process | None = None
    below: list[psutil.Process] = field(default_factory=list)


def bring(night: Night, moments: Iterable[str]) -> dict[str, Met]:
    """Start runs and bring each to its moment; cancelling begins last, as it does not wait."""
    (night.folder / "gate").touch()
    met = {moment: Met(night.start(moment)) for moment in moments}
    if one := met.get("starting"):
        one.process = _held(night, one.run)
        one.process.suspend()
        one.below = [one.process]
    for moment in ("early", "retrain", "cancelling"):
        if one := met.get(moment):
            one.process = night.hanging(one.run)
            one.below = [one.process, *one.process.children(recursive=True)]
    if one := met.get("pending"):
        night.wait(one.run, StateType.PENDING)
    if one := met.get("retrain"):
        run = one.run
        until(lambda: bool(night.heartbeats(run)), 120.0, lambda: "no heartbeat")
    if one := met.get("starting"):
        assert night.state(one.run) == StateType.PENDING
        assert one.process is not None
        one.process.resume()
    if one := met.get("cancelling"):
        night.cancel(one.run)
    return met


def _held(night: Night, run: FlowRun) -> psutil.Process:
    """Wait for the process that holds a run's lease."""
    until(lambda: leases.read_lease(str(run.id)) is not None, 120.0, lambda: night.log(run), 0.02)
    until(lambda: _pid(run) > 0, 10.0, lambda: night.log(run), 0.01)
    return psutil.Process(_pid(run))


def _pid(run: FlowRun) -> int:
    lease = leases.read_lease(str(run.id))
    return lease.pid if lease else 0


def mended(night: Night, met: dict[str, Met], look: Callable[[], object]) -> dict[str, float]:
    """Look until every run has ended, its slot is free and its processes are gone.

    Args:
        night: the shop.
        met: the runs, by moment.
        look: called every second: the reaper's look, or nothing where one runs by itself.

    Returns:
        Seconds until each was mended.
    """
    began, took = time.monotonic(), dict[str, float]()

    def is_mended() -> bool:
        look()
        slots = night.slots()
        for moment, one in met.items():
            alive = any(process.is_running() for process in one.below)
            if not alive and not slots[moment] and night.state(one.run) not in LIVE:
                took.setdefault(moment, round(time.monotonic() - began, 1))
        return len(took) == len(met)

    until(is_mended, 300.0, lambda: "\n".join(night.log(one.run) for one in met.values()), 1.0)
    (night.folder / "gate").unlink(missing_ok=True)
    for one in met.values():
        gone(one.below)
    return took


def line(victim: str, met: dict[str, Met], took: dict[str, float], night: Night) -> str:
    """Say what became of the runs that a kill met."""
    ends = [
        f"{MOMENTS[moment]}: {night.state(one.run).value.capitalize()} {took[moment]:.0f} s"
        for moment, one in met.items()
    ]
    return f"{victim} killed | " + " | ".join(ends)


def ends(night: Night, met: dict[str, Met]) -> dict[str, StateType]:
    """Return the state of each run by its moment."""
    return {moment: night.state(one.run) for moment, one in met.items()}


def launching(night: Night) -> list[str]:
    """List what runs of the project's launcher and engine."""
    found = processes_in(night.folder)
    return [one for one in found if "flows.launch" in one or "prefect.engine" in one]


def doctor(night: Night) -> list[dict[str, str]]:
    """Return what Prefect's half of `aislewatch doctor` finds."""
    command = [sys.executable, "-m", "flows.doctor"]
    env = night.env | {"PREFECT_API_AUTH_STRING": "somebody:something"}
    done = subprocess.run(command, cwd=night.folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "something" not in done.stdout + done.stderr
    return list(json.loads(done.stdout))
