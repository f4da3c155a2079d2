"""Training's clips a second on two processes against one, by turns in one job of torchrun.

python -m benchmarks.train.scaling         two GPUs: the reference network, 16 × 128 × 128; a minute
python -m benchmarks.train.scaling --small two CPU processes, small networks: does it run?

While one process is measured, the other waits.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from aislewatch.config.learning import Precision
from aislewatch.config.params import load_params
from aislewatch.models.build import ModelConfig
from aislewatch.models.scoring import set_up_compute
from aislewatch.models.sizes import SIZES, Network
from aislewatch.train.adam import PAPER_ADAM
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import Recipe, training_steps
from aislewatch.train.processes import Processes, joined
from benchmarks.rounds import machine, verdict

ROUNDS = 5
# What the issue asks of two GPUs.
OF_TWO = 1.9
VIDEO_FRAMES = 100


@dataclass(frozen=True)
class Size:
    """What is trained, and how long."""

    network: Network
    batch: int  # clips in a step of one process
    steps: int  # timed in a round
    videos: int
    device: Literal["cpu", "cuda"]
    precision: Precision

    def frame(self) -> int:
        """Pixels a side of a stored frame, and of the network's input."""
        return self.network.input_size


LARGE = Network(input="diff", **SIZES["reference"])
TINY = LARGE.model_copy(update={"input_size": 32, "encoder_channels": [8], "hidden_channels": 8})
REFERENCE = Size(LARGE, 64, 10, 64, "cuda", "float32")
SMALL = Size(TINY, 16, 10, 4, "cpu", "float32")


def write_store(folder: Path, size: Size) -> None:
    """Files of random bytes: speed does not depend on what they show."""
    random = np.random.default_rng(0)
    shape = (VIDEO_FRAMES, size.frame() * 3 // 2, size.frame())
    for video in range(size.videos):
        random.integers(0, 256, shape, np.uint8).tofile(folder / f"{video}.yuv")


def recipe_of(size: Size, batch: int) -> Recipe:
    """The reference network with the demo's learning."""
    learning = load_params().learning.model_copy(
        update={"batch_size": batch, "precision": size.precision}
    )
    config = ModelConfig(
        architecture="convlstm",
        model=size.network,
        frame_size=size.frame(),
        n_frames=16,
        step=1,
        fps=10,
    )
    return Recipe(config, learning, PAPER_ADAM, 1, 1, seed=0, precision=size.precision)


def clips_of(folder: Path, size: Size) -> TrainingData:
    """Every clip of the store; an epoch is longer than what is timed."""
    videos = [f"{video}.yuv" for video in range(size.videos)]
    rows = list(itertools.product(videos, range(VIDEO_FRAMES - 16)))
    clips = pd.DataFrame(rows, columns=["frames_file", "start"])
    clips["label"] = np.arange(len(clips)) % 2
    return TrainingData(clips, clips, folder)


def seconds(steps: Iterator[Tensor], count: int) -> float:
    """Seconds of ``count`` steps, to the end of the last."""
    began = time.perf_counter()
    last = [next(steps) for _ in range(count)][-1]
    last.tolist()  # waits for the device
    return time.perf_counter() - began


def measure(folder: Path, size: Size, rounds: int) -> None:
    """In a process of torchrun's: take the rounds; the first process prints what came out."""
    threads = 0 if size.device == "cuda" else 1
    here = load_params().machine.model_copy(update={"device": size.device, "threads": threads})
    data = clips_of(folder, size)
    with joined(set_up_compute(here)) as processes:
        alone, first = Processes(processes.device), processes.rank == 0
        ways = {
            "one": (alone, size.batch),
            "two, each the same batch": (processes, 2 * size.batch),
            "two, sharing that batch": (processes, size.batch),
        }
        steps = {
            way: training_steps(recipe_of(size, batch), data, who)
            for way, (who, batch) in ways.items()
        }
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _, (way, (who, batch)) in itertools.product(range(rounds + 1), ways.items()):
            # Neither starts before both are there.
            processes.total(torch.zeros(1, device=processes.device)).tolist()
            if first or who is processes:
                rates[way].append(batch * size.steps / seconds(steps[way], size.steps))
        if first:
            report({way: statistics.median(of_way[1:]) for way, of_way in rates.items()})
            kind = torch.cuda.get_device_name() if size.device == "cuda" else "CPU"
            print(f"medians of {rounds} rounds by turns; {kind}, {size.precision}; {machine()}")


def report(rates: dict[str, float]) -> None:
    """Print clips a second and the ratios of two to one."""
    for way, rate in rates.items():
        print(f"{way}: {rate:,.0f} clips/s")
    one, *two = rates.items()
    for way, rate in two:
        print(verdict(f"{way}, against one", rate / one[1], OF_TWO))


def main() -> None:
    """Write a store and start the two processes on it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)  # in a process of torchrun's
    asked = parser.parse_args()
    size = SMALL if asked.small else REFERENCE
    if asked.store:
        measure(asked.store, size, asked.rounds)
        return
    with tempfile.TemporaryDirectory() as name:
        write_store(Path(name), size)
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        own = ["-m", "benchmarks.train.scaling", f"--store={name}", f"--rounds={asked.rounds}"]
        command = [sys.executable, *torchrun, *own, *["--small"] * asked.small]
        sys.exit(subprocess.run(command, env=os.environ, check=False).returncode)


if __name__ == "__main__":
    main()
