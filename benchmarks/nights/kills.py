"""Seconds from each kill to a run that has ended, a free slot and no process left.

``python -m benchmarks.nights.kills``: the tests' small shop on a real server and worker, under the
shipped reaper as it is started beside them.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from flows.deploy import deploy
from tests.flows.kills import MOMENTS, Met, bring, line, mended
from tests.flows.shop_night import Night, shop_night, stages, write_prefect_file

# Stage first: of a run that is pending or starting there is no stage, nor a flow before it begins.
VICTIMS = {
    "stage": ("early", "retrain"),
    "flow": ("starting", "early", "retrain", "cancelling"),
    "worker": tuple(MOMENTS),
    "server": ("starting", "cancelling"),
    "power": tuple(MOMENTS),
}


def main() -> None:
    """Print a line for each victim."""
    with tempfile.TemporaryDirectory() as place, shop_night(Path(place)) as night:
        write_prefect_file(night.folder, [])
        deploy(night.client)
        command = [sys.executable, "-m", "flows.reaper"]
        with (night.folder / "reaper.log").open("wb") as log:
            reaper = subprocess.Popen(command, env=night.env, stdout=log, stderr=log)
        try:
            for victim, moments in VICTIMS.items():
                night.start_worker()
                met = bring(night, moments)
                KILLS[victim](night, met)
                print(line(victim, met, mended(night, met, lambda: None), night), flush=True)
            _cancel_after_outage(night)
        finally:
            reaper.send_signal(signal.SIGTERM)
            reaper.wait()


def _stage(_: Night, met: dict[str, Met]) -> None:
    for one in met.values():
        assert one.process is not None
        stages(one.process)[0].kill()


def _flow(_: Night, met: dict[str, Met]) -> None:
    for one in met.values():
        if one.process is not None:
            one.process.kill()


def _worker(night: Night, _: dict[str, Met]) -> None:
    night.kill_worker()


def _server(night: Night, _: dict[str, Met]) -> None:
    night.kill_server()
    night.start_server()


def _power(night: Night, met: dict[str, Met]) -> None:
    night.kill_server()
    _flow(night, met)
    night.kill_worker()
    night.start_server()


KILLS: dict[str, Callable[[Night, dict[str, Met]], None]] = {
    "stage": _stage,
    "flow": _flow,
    "worker": _worker,
    "server": _server,
    "power": _power,
}


def _cancel_after_outage(night: Night) -> None:
    """Cancel a run that went on while the server was away."""
    night.start_worker()
    met = bring(night, ("retrain",))
    night.kill_server()
    time.sleep(60)  # Prefect's worker has given up listening by then
    night.start_server()
    night.cancel(met["retrain"].run)
    print(line("server, then cancelled: none", met, mended(night, met, lambda: None), night))


if __name__ == "__main__":
    main()
