"""Adam against SGD with momentum, RMSProp and AdaGrad: the paper's title claim, at equal budgets.

python -m benchmarks.train.optimizers PROJECT [--out FOLDER]

PROJECT is where `dvc repro split` ran: on the synthetic shop (a CPU, with --trials 4 --seeds 2:
some minutes), or with the source `mnnit` (a GPU). Every optimizer gets the same number of trials,
drawn at random from ranges of its own, on the ConvLSTM of PROJECT's params.yaml; the best by
validation loss then trains from several seeds, and its loss on the test clips is followed. Writes
curves.csv, trials.csv and curves.png.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import itertools
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from aislewatch.config.params import Params, load_params
from aislewatch.errors import TrainingError
from aislewatch.models.build import model_config
from aislewatch.models.scoring import set_up_compute
from aislewatch.models.sizes import network_of
from aislewatch.tables import places
from aislewatch.train.adam import PAPER_ADAM, OptimizerSettings
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import Recipe, train
from aislewatch.train.processes import Processes
from aislewatch.train.validation import EpochRow
from benchmarks.rounds import machine
from benchmarks.train.rivals import NAMES, Draw

PAPER = "Adam as in the paper, not tuned"
# One an optimizer, so that lines are told apart without colour.
DASHES = ("-", "--", ":", "-.", (0, (1, 3)))


@dataclasses.dataclass(frozen=True)
class Job:
    """One training; ``judged`` names the split whose loss is followed."""

    name: str
    settings: OptimizerSettings
    seed: int
    judged: str


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where the clips are and how they are learned from."""

    project: Path
    params: Params
    epochs: int

    def curve(self, job: Job) -> list[EpochRow]:
        """Train; what there was of the curve when the loss stopped being a number."""
        clips = pd.read_parquet(self.project / places.SPLITS)
        sides = [
            clips[clips["split"] == split].reset_index(drop=True) for split in ("train", job.judged)
        ]
        data = TrainingData(*sides, self.project / places.FRAMES)
        config = model_config("convlstm", network_of(self.params.model), self.params)
        recipe = Recipe(
            config, self.params.learning, job.settings, self.epochs, self.epochs, job.seed
        )
        device = set_up_compute(self.params.machine)
        rows: list[EpochRow] = []
        with contextlib.suppress(TrainingError):
            train(recipe, data, Processes(spread(device)), rows.append)
        return rows


def spread(device: torch.device) -> torch.device:
    """Of several GPUs one for each worker in turn."""
    if device.type == "cpu":
        return device
    [worker, *_] = multiprocessing.current_process()._identity or (0,)
    return torch.device("cuda", worker % torch.cuda.device_count())


def least(rows: list[EpochRow]) -> float:
    """Least loss of a curve; infinite where there is none."""
    return min((row.val_loss for row in rows), default=float("inf"))


class Workers:
    """Processes that train at the same time."""

    def __init__(self, bench: Bench, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = concurrent.futures.ProcessPoolExecutor(count, context)
        self._bench = bench

    def curves(self, jobs: list[Job]) -> Iterator[tuple[Job, list[EpochRow]]]:
        """Every job's curve."""
        for job, rows in zip(jobs, self._pool.map(self._bench.curve, jobs), strict=True):
            print(f"{job.name}, seed {job.seed}: {least(rows):.4f}  {job.settings}", flush=True)
            yield job, rows


def draw_figure(curves: pd.DataFrame, trials: int, file: Path) -> None:
    """Median and range over seeds of the training and the test loss."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for axis, column, title in zip(
        axes, ("train_loss", "val_loss"), ("Training", "Test"), strict=True
    ):
        by_name = curves.groupby("optimizer", sort=False)
        for (name, of_name), dash in zip(by_name, DASHES, strict=False):
            losses = of_name.pivot(index="epoch", columns="seed", values=column)
            [line] = axis.plot(losses.index, losses.median(axis=1), ls=dash, label=name)
            low, high = losses.min(axis=1), losses.max(axis=1)
            axis.fill_between(losses.index, low, high, color=line.get_color(), alpha=0.15, lw=0)
        axis.set(title=f"{title} loss", xlabel="Epoch", yscale="log")
    axes[0].set_ylabel("Focal loss: median and range over seeds")
    axes[1].legend(title=f"{trials} trials each")
    figure.savefig(file, dpi=150)


def table(curves: pd.DataFrame) -> pd.DataFrame:
    """Per optimizer: loss and AUC at the end, and epochs to reach Adam's median final loss."""
    last = curves[curves["epoch"] == curves["epoch"].max()]
    target = last[last["optimizer"] == "Adam"]["train_loss"].median()
    rows = []
    for name, of_name in curves.groupby("optimizer", sort=False):
        end = last[last["optimizer"] == name]
        reached = [
            one.loc[one["train_loss"] <= target, "epoch"].min()
            for _, one in of_name.groupby("seed")
        ]
        rows.append(
            {
                "optimizer": name,
                "training loss": spread_of(end["train_loss"]),
                "test loss": spread_of(end["val_loss"]),
                "test AUC": spread_of(end["val_auc"]),
                f"epochs to {target:.2g}": " ".join(
                    "-" if np.isnan(n) else f"{n:.0f}" for n in reached
                ),
            }
        )
    return pd.DataFrame(rows)


def spread_of(values: "pd.Series[float]") -> str:
    """Median [least, largest], two digits of each."""
    return f"{values.median():.2g} [{values.min():.2g}, {values.max():.2g}]"


def main() -> None:
    """Tune, train, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("project", type=Path)
    parser.add_argument("--out", type=Path, default=Path(".aislewatch/optimizers"))
    parser.add_argument("--trials", type=int, default=12, help="of each optimizer")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    params = load_params(asked.project / "params.yaml")
    workers = Workers(Bench(asked.project.resolve(), params, asked.epochs), asked.workers)
    jobs = []
    for name in NAMES:
        draw = Draw(seed=0)
        jobs += [Job(name, draw.settings(name), 0, "val") for _ in range(asked.trials)]
    tried = list(workers.curves(jobs))
    best: dict[str, OptimizerSettings] = {}
    for name in NAMES:
        of_name = [(least(rows), job.settings) for job, rows in tried if job.name == name]
        best[name] = min(of_name, key=lambda pair: pair[0])[1]
    best[PAPER] = PAPER_ADAM
    finals = [
        Job(name, settings, seed, "test")
        for seed, (name, settings) in itertools.product(range(1, asked.seeds + 1), best.items())
    ]
    curves = pd.DataFrame(
        {"optimizer": job.name, "seed": job.seed} | dataclasses.asdict(row)
        for job, rows in workers.curves(finals)
        for row in rows
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    curves.to_csv(asked.out / "curves.csv", index=False)
    pd.DataFrame(
        {"optimizer": job.name, "least_val_loss": least(rows), "settings": str(job.settings)}
        for job, rows in tried
    ).to_csv(asked.out / "trials.csv", index=False)
    draw_figure(curves, asked.trials, asked.out / "curves.png")
    print(table(curves).to_string(index=False))
    for name, settings in best.items():
        print(f"{name}: {settings}")
    print(f"{asked.seeds} seeds, {asked.epochs} epochs; {machine()}")


if __name__ == "__main__":
    main()
