"""What a second process brings to a study: the stage ``tune`` with one and with two, by turns.

python -m benchmarks.tune.workers [--trials 8] [--epochs 6] [--rounds 3]

On a made-up store of small clips and with one thread a process, so that two processes have a core
each. Every process of several costs an import of torch, about 3 s of a core, and the trials are its
rival: the shorter the study, the less two bring.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.rounds import machine, medians
from tests.tiny_clips import start_in, write_project


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    jobs = {
        f"{workers} process(es)": partial(_study, workers, chosen.trials, chosen.epochs)
        for workers in (1, 2)
    }
    print(machine())
    costs = medians(jobs, chosen.rounds)
    for name, cost in costs.items():
        print(f"{name}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of all processors")
    one, two = costs.values()
    print(f"two processes over one, wall: {one.wall_s / two.wall_s:.2f}")
    print(machine())


def _study(workers: int, trials: int, epochs: int) -> None:
    """Run a study of its own to its end."""
    with tempfile.TemporaryDirectory() as folder:
        project = write_project(
            Path(folder),
            tune={"trials": trials, "epochs": epochs},
            machine={"tune_workers": workers},
        )
        stage = start_in(project, "stages.tune")
        output, _ = stage.communicate()
        if stage.returncode:
            raise SystemExit(output)


if __name__ == "__main__":
    main()
