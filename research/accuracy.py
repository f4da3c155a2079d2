"""How right the four networks are on real footage: nested cross-validation by recording.

python -m research.pack CORPUS FOLDER     decodes the footage, anywhere
python -m research.accuracy FOLDER            on a GPU: the search some 20 minutes of an H100
python -m research.report FOLDER          the table, anywhere
python -m research.accuracy --reduced         on a CPU: minutes, on the synthetic shop

Trains every recipe of research/space.py on the inner folds, lets each outer fold choose by
its inner validation, trains the chosen from three seeds, and scores the outer folds once. What is
done already in FOLDER/results is not done again. The reduced form trains the four networks small
and once, by folds of synthetic videos: it shows that the protocol runs, nothing of real footage.
"""

import argparse
import signal
import time
from pathlib import Path

from research import pool, reduced
from research.plan import NETWORKS, Benchmark
from research.stages import STAGES, flows


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--out", type=Path, help="where new results go; FOLDER/results")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start nothing later")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--plain", action="store_true", help="torch's kernels alone")
    asked = parser.parse_args()
    if asked.reduced:
        reduced.main()
        return
    if asked.folder is None:
        parser.error("name the FOLDER that research.pack wrote, or ask for --reduced")
    # A kill ends it as Ctrl-C does: with its workers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    fused = asked.device == "cuda" and not asked.plain
    machine = pool.Machine(asked.device, asked.workers, asked.at_once, fused)
    benchmark = Benchmark(asked.folder)
    out = asked.out or asked.folder / "results"
    name = str(int(time.time()))
    before = len(benchmark.shelf.logits)
    finished = pool.run_flows(
        flows(benchmark, asked.networks, asked.stages),
        benchmark.shelf,
        benchmark.frames_file,
        machine,
        began + asked.seconds,
        lambda: benchmark.shelf.save(out, name),
    )
    trained = len(benchmark.shelf.logits) - before
    print(f"{trained} trainings in {time.monotonic() - began:.0f} s")
    if not finished:
        print("time ran out; call again to go on")


if __name__ == "__main__":
    main()
