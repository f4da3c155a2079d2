"""Two healthy runs at full load under the shipped reaper: is one of them ever ended?

``python -m benchmarks.nights.healthy --seconds 3600``: two deployments of the tests' small shop run
a stage that burns one core each, on a real server, worker and reaper.
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
from prefect.client.schemas.objects import StateType

from flows.deploy import deploy
from tests.flows.shop_night import Night, shop_night, write_prefect_file

BEAT = "prefect.flow-run.heartbeat"

RUNNING = (StateType.RUNNING,)

# Seconds between two looks at the states.
LOOK_S = 30.0

BURN = f"{sys.executable}|-c|while True: pass"


def main() -> None:
    """Burn, watch, and print what became of the runs as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as place, shop_night(Path(place)) as night:
        write_prefect_file(night.folder, [])
        (night.folder / "hang").write_text(BURN)
        deploy(night.client)
        night.start_worker()
        command = [sys.executable, "-m", "flows.reaper"]
        with (night.folder / "reaper.log").open("wb") as log:
            reaper = subprocess.Popen(command, env=night.env, stdout=log, stderr=log)
        try:
            print(json.dumps(watch(night, seconds)), flush=True)
            print((night.folder / "reaper.log").read_text(), flush=True)
        finally:
            reaper.send_signal(signal.SIGTERM)
            reaper.wait()


def watch(night: Night, seconds: float) -> dict[str, object]:
    """Start the runs; return how long each was seen RUNNING, and the loads on the way."""
    runs = [night.start("retrain"), night.start("nights")]
    for run in runs:
        night.wait(run, *RUNNING)
    began, loads = time.monotonic(), list[float]()
    while (left := seconds - (time.monotonic() - began)) > 0:
        time.sleep(min(LOOK_S, left))
        loads.append(os.getloadavg()[0])
        ended = [night.log(run) for run in runs if night.state(run) not in RUNNING]
        if ended:
            return {"ended": ended, "after_s": time.monotonic() - began}
    query = {"filter": {"event": {"name": [BEAT]}}}
    beats = httpx.post(f"{night.api}/events/filter", json=query, timeout=60).json()["total"]
    return {
        "runs": len(runs),
        "ended": [],
        "after_s": round(time.monotonic() - began),
        "heartbeats": beats,
        "load_min_max": [min(loads), max(loads)],
    }


if __name__ == "__main__":
    main()
