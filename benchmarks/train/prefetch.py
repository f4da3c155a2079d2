"""Training fed from a frame store, against the same step on a batch that lies on the GPU already.

The reference network of variants.py; a store of random frames in a temporary folder (740 MB).
Both decode I420, cut out, mirror, brighten and learn; only where the batch comes from differs.

python -m benchmarks.train.prefetch [--batch 64]      on a machine with a GPU, in the project's root
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from aislewatch.config.learning import Precision
from aislewatch.config.params import load_params
from aislewatch.models.scoring import set_up_compute
from aislewatch.train.adam import PAPER_ADAM
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import Recipe, training_steps
from aislewatch.train.processes import Processes
from benchmarks.frames.loader import CLIPS, draw_clips, write_store
from benchmarks.rounds import verdict
from benchmarks.train.variants import Ours, reference

ROUNDS = 5
# The clips of loader.py again and again: an epoch of 16,384, a small real data set.
TIMES = 4
# What the issue asks for.
OF_SYNTHETIC = 0.95


def synthetic_steps(precision: Precision, batch: int) -> Iterator[None]:
    """The step of ``training_steps`` on one batch, again and again."""
    ours = Ours(precision, batch)
    while True:
        ours.train()
        yield


def seconds(steps: Iterator[object], count: int) -> float:
    """Seconds of ``count`` steps, to the end of the last."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in itertools.islice(steps, count):
        pass
    torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    """Print both speeds and their ratio; a round is an epoch, its start included."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64)
    batch = parser.parse_args().batch
    params = load_params()
    device = set_up_compute(params.machine)
    config = reference("float32").config
    learning = params.learning.model_copy(update={"batch_size": batch, "oversample": False})
    recipe = Recipe(config, learning, PAPER_ADAM, 1, 1, 0, "bf16_fused")
    count = TIMES * CLIPS // batch
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        write_store(folder, config.frame_size**2 * 3 // 2)
        clips = pd.concat([draw_clips(config)] * TIMES, ignore_index=True)
        fed = training_steps(recipe, TrainingData(clips, clips, folder), Processes(device))
        synthetic = synthetic_steps(recipe.precision, batch)
        rounds = [(seconds(fed, count), seconds(synthetic, count)) for _ in range(ROUNDS + 1)]
    ours, theirs = (statistics.median(times) for times in zip(*rounds[1:], strict=True))
    print(f"{torch.cuda.get_device_name()}, batch {batch}, {count} steps a round, {ROUNDS} rounds")
    print(
        f"fed {count * batch / ours:,.0f} clips/s, synthetic {count * batch / theirs:,.0f} clips/s"
    )
    print(verdict("fed of synthetic", theirs / ours, OF_SYNTHETIC))


if __name__ == "__main__":
    main()
