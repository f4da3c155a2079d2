"""Healthy runs at full load under the shipped reaper: is one of them ever ended?

``python -m benchmarks.nights.healthy --seconds 3600 --runs 2``: deployments of the tests' small
shop run a stage that burns one core each, on a real server, worker and reaper.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from prefect.client.schemas.objects import FlowRun, StateType

from flows import leases
from flows.deploy import deploy
from tests.flows.shop_night import Night, shop_night, until, write_prefect_file

BEAT = "prefect.flow-run.heartbeat"

RUNNING = (StateType.RUNNING,)

# Seconds between two looks at the states.
LOOK_S = 30.0

BURN = f"{sys.executable}|-c|while True: pass"


def main() -> None:
    """Burn, watch, and print what became of the runs as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--runs", type=int, choices=(1, 2), default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, shop_night(Path(place)) as night:
        write_prefect_file(night.folder, [])
        (night.folder / "hang").write_text(BURN)
        deploy(night.client)
        night.start_worker()
        command = [sys.executable, "-m", "flows.reaper"]
        with (night.folder / "reaper.log").open("wb") as log:
            reaper = subprocess.Popen(command, env=night.env, stdout=log, stderr=log)
        try:
            print(json.dumps(watch(night, asked.seconds, asked.runs)), flush=True)
            print((night.folder / "reaper.log").read_text(), flush=True)
        finally:
            reaper.send_signal(signal.SIGTERM)
            reaper.wait()


def watch(night: Night, seconds: float, number: int) -> dict[str, object]:
    """Start the runs; return how long each was seen RUNNING, its share of a core, and the loads."""
    runs = [night.start(name) for name in ("retrain", "nights")[:number]]
    burning = [burner(night, run) for run in runs]
    began, loads = time.monotonic(), list[float]()
    while (left := seconds - (time.monotonic() - began)) > 0:
        time.sleep(min(LOOK_S, left))
        loads.append(os.getloadavg()[0])
        ended = [night.log(run) for run in runs if night.state(run) not in RUNNING]
        if ended:
            return {"ended": ended, "after_s": time.monotonic() - began}
    took = time.monotonic() - began
    query = {"filter": {"event": {"name": [BEAT]}}}
    beats = httpx.post(f"{night.api}/events/filter", json=query, timeout=60).json()["total"]
    return {
        "runs": len(runs),
        "ended": [],
        "after_s": round(took),
        "core_share": [round(one.cpu_times().user / took, 3) for one in burning],
        "heartbeats": beats,
        "load_min_max": [min(loads), max(loads)],
    }


def burner(night: Night, run: FlowRun) -> psutil.Process:
    """Wait for the stage of a run, and return the process that burns."""
    found: list[psutil.Process] = []

    def burns() -> bool:
        lease = leases.read_lease(str(run.id))
        below = psutil.Process(lease.pid).children(recursive=True) if lease and lease.pid else []
        found[:] = [one for one in below if one.cmdline()[1:] == BURN.split("|")[1:]]
        return bool(found)

    until(burns, 120.0, lambda: night.log(run))
    return found[0]


if __name__ == "__main__":
    main()
