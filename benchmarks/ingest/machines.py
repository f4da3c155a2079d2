"""Ingest on a Dask cluster: two workers against one, no work, and a worker killed in the middle.

``OMP_NUM_THREADS=1 python -m benchmarks.ingest.machines``, in the project's root: worker processes
on loopback, each bound to a core of its own, decode the same made-up videos (640×480, 15 pictures a
second). Rivals take turns; a round ends with every byte compared. Prints JSON.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import time
from pathlib import Path

import psutil
from distributed import Client

from aislewatch.config.params import load_params
from aislewatch.files import sha256_tree
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.folder import IngestResult, ingest
from benchmarks.rounds import machine, working_folder
from tests.dask_cluster import workers
from tests.footage_samples import run_ffmpeg

VIDEOS = 12

# Workers that may die of a video: Dask's own number, as a shop's cluster has it.
DEATHS = 3


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20, help="of each of the videos")
    asked = parser.parse_args()
    before, rounds = machine(), list[dict[str, float]]()
    with working_folder() as folder:
        make_videos(folder / "raw", asked.seconds)
        with workers(1, DEATHS) as one, workers(2, DEATHS) as two:
            for _ in range(asked.rounds):
                rounds.append(measure(folder, one, two))
    ratios = [took["one"] / took["two"] for took in rounds]
    found = {
        "machine": [before, machine()],
        "rounds": rounds,
        "two_over_one": [round(ratio, 2) for ratio in ratios],
        "median": round(statistics.median(ratios), 2),
    }
    print(json.dumps(found, indent=1))


def measure(folder: Path, one: str, two: str) -> dict[str, float]:
    """Take the videos in by one worker and by two, by two of which one dies, and once again."""
    took = {name: timed(folder, name, address) for name, address in (("one", one), ("two", two))}
    # Nothing is left to decode: what fanning out costs by itself.
    took["two, no work"] = timed(folder, "two", two)
    took["two, one killed"] = timed(folder, "killed", two, kills=True)
    assert len({sha256_tree(folder / name) for name in ("one", "two", "killed")}) == 1
    for name in ("one", "two", "killed"):
        shutil.rmtree(folder / name)
    return took


def timed(folder: Path, name: str, address: str, kills: bool = False) -> float:
    """Return the seconds that ingest takes into a store of its own; warm the workers first."""
    params = load_params()
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2 if "two" in name or kills else 1, timeout=120)
        pids = list(client.run(os.getpid).values())
        bind(pids)
    store = FrameStore(folder / name, params.frames.fps, params.frames.size)
    victims = pids[:1] if kills else []

    def progress(done: int, _total: int) -> None:
        if victims and done >= VIDEOS // 3:
            os.kill(victims.pop(), signal.SIGKILL)

    began = time.perf_counter()
    limits = params.ingest
    found: IngestResult = ingest(folder / "raw", ["shop"], store, limits, progress, 1, address)
    took = time.perf_counter() - began
    assert len(found.accepted) == VIDEOS, found.refused
    return round(took, 2)


def bind(pids: list[int]) -> None:
    """Give each worker, and what it starts, a core of its own."""
    cores = sorted(os.sched_getaffinity(0))
    for number, pid in enumerate(pids):
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            process.cpu_affinity([cores[number % len(cores)]])


def make_videos(folder: Path, seconds: int) -> None:
    """Make moving test pictures, each of other bytes."""
    (folder / "shop").mkdir(parents=True)
    for number in range(VIDEOS):
        source = f"testsrc2=size=640x480:rate=15:duration={seconds},hue=h={number}"
        file = folder / "shop" / f"{number}.mp4"
        run_ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-preset", "veryfast", file)


if __name__ == "__main__":
    main()
