"""Trains a network by the product's own training, scores what it never saw, and keeps the result.

Every result is a file of its own, written once it is there, so a run that was killed goes on.
"""

import json
import math
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from aislewatch.config.learning import Precision
from aislewatch.config.params import load_params
from aislewatch.files import write_json
from aislewatch.models.build import Detector, save_model
from aislewatch.models.scoring import clip_logits, set_up_compute
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import train
from aislewatch.train.processes import Processes
from research.footage import Folded
from research.recipe import Recipe

# Windows of a video whose logits are averaged, where there are so many.
WINDOWS = 5
SCORED_AT_ONCE = 128
# Logit of a video in which there is nobody: normal without a network, below all that one says.
NOBODY = -30.0


@dataclass(frozen=True)
class Job:
    """Names one training: what, on which rows of the videos, from which seed, and what to score."""

    name: str
    recipe: Recipe
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    seed: int
    keep_weights: bool = False


@dataclass(frozen=True)
class Machine:
    """How to use the machine."""

    device: str
    workers: int  # processes, each with one training at a time
    precision: Precision


class Shelf:
    """Results by job name, a .json file each; networks that are kept lie beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.results: dict[str, dict[str, Any]] = {}
        for file in sorted(folder.glob("*.json")):
            found = json.loads(file.read_text())
            self.results[found["name"]] = found

    def has(self, job: Job) -> bool:
        """Return whether the job was done; it must have been the same recipe then.

        Raises:
            SystemExit: a result of another recipe stands under its name.
        """
        found = self.results.get(job.name)
        if found is not None and found["recipe"] != _written(job.recipe):
            raise SystemExit(
                f"{self._folder} holds {job.name!r} of another recipe; name another --out"
            )
        return found is not None

    def logits(self, name: str) -> NDArray[np.float64] | None:
        """Return the logits of a job's test videos, (N,); None where it was not done."""
        found = self.results.get(name)
        return None if found is None else np.array(found["logits"])

    def add(self, result: dict[str, Any]) -> None:
        """Keep a result."""
        self.results[result["name"]] = result
        write_json(self._folder / f"{file_name(result['name'])}.json", result)

    def network_folder(self, name: str) -> Path:
        """Return where a job's network is kept."""
        return self._folder / "models" / file_name(name)


def file_name(job: str) -> str:
    """Turn a job's name into a file's."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", job)


def clips_of(
    data: Folded, rows: NDArray[np.int64], starts: Sequence[Sequence[int]]
) -> pd.DataFrame:
    """Return a row a window of these videos: row (of the videos), frames_file, start, label."""
    videos = data.videos.iloc[rows].assign(row=rows, start=list(starts)).explode("start")
    clips = videos.assign(start=videos["first"] + videos["start"].astype(int))
    return clips[["row", "frames_file", "start", "label"]].reset_index(drop=True)


def learned_windows(recipe: Recipe, n_frames: int) -> list[int]:
    """List the first frames of windows half a clip apart, from end to end of a video."""
    room = max(0, n_frames - recipe.span)
    return spread(room, 1 + math.ceil(room / max(1, recipe.span // 2)))


def spread(room: int, count: int) -> list[int]:
    """List up to ``count`` whole numbers from 0 to ``room``, evenly."""
    return sorted(set(np.round(np.linspace(0, room, min(count, room + 1))).astype(int).tolist()))


def learn(job: Job, data: Folded, machine: Machine) -> tuple[Detector, dict[str, Any]]:
    """Train a job's network by the product's training and score its test videos.

    No clip is held back to stop by: the last quarter of the recordings brings 3 to 4 points
    (docs/benchmarks.md). The epoch is chosen by the videos learned from, by their first windows.
    A video longer than a clip is learned by several windows and fewer epochs, so that each network
    sees as many clips whatever their length.
    """
    began, recipe = time.monotonic(), job.recipe
    lengths = data.column("n_frames")
    train_clips = clips_of(
        data, job.train, [learned_windows(recipe, lengths[r]) for r in job.train]
    )
    epochs = max(1, round(recipe.epochs * len(job.train) / len(train_clips)))
    device = set_up_compute(_shipped_machine(machine.device))
    training = recipe.training(data, job.seed, epochs, machine.precision)
    chosen_by = train_clips.drop_duplicates("row").reset_index(drop=True)
    learned_from = TrainingData(train_clips, chosen_by, data.frames_dir)
    model, curve = train(training, learned_from, Processes(device), lambda row: None)
    result = {
        "name": job.name,
        "recipe": _written(recipe),
        "seed": job.seed,
        "logits": video_logits(model, data, job.test, data.frames_dir, device).tolist(),
        "losses": [row.train_loss for row in curve],
        "seconds": time.monotonic() - began,
    }
    return model, result


def video_logits(
    model: Detector,
    data: Folded,
    rows: NDArray[np.int64],
    frames_dir: Path,
    device: torch.device,
) -> NDArray[np.float64]:
    """Compute the mean logit of each video's windows, (N,); ``NOBODY`` where nobody is shown."""
    lengths = data.column("n_frames")
    asked, rows = rows, rows[data.shows_somebody[rows]]
    rooms = [max(0, int(lengths[row]) - model.config.span) for row in rows]
    clips = clips_of(data, rows, [spread(room, WINDOWS) for room in rooms])
    logits_N = clip_logits(model, clips, frames_dir, device, SCORED_AT_ONCE).double().numpy()
    mean = pd.Series(logits_N).groupby(clips["row"].to_numpy()).mean()
    return mean.reindex(asked, fill_value=NOBODY).to_numpy()


def run(jobs: Iterable[Job], data: Folded, shelf: Shelf, machine: Machine, until: float) -> bool:
    """Do the jobs that are not on the shelf; return whether all are there now.

    Args:
        jobs: in the order in which they are begun.
        data: the videos.
        shelf: takes each result as it comes.
        machine: how to use the machine.
        until: of time.monotonic; nothing is begun later.
    """
    missing = [job for job in jobs if not shelf.has(job)]
    for job, result in _done(missing, data, shelf, machine, until):
        shelf.add(result)
        print(f"{job.name}: {result['seconds']:.1f} s", flush=True)
    return all(job.name in shelf.results for job in missing)


def _done(
    jobs: Sequence[Job], data: Folded, shelf: Shelf, machine: Machine, until: float
) -> Iterator[tuple[Job, dict[str, Any]]]:
    folders = {job.name: shelf.network_folder(job.name) for job in jobs if job.keep_weights}
    if machine.workers == 1:
        for job in jobs:
            for result in _work(job, data, machine, folders.get(job.name), until):
                yield job, result
        return
    with ProcessPoolExecutor(machine.workers, mp_context=get_context("spawn")) as pool:
        started = {
            pool.submit(_work, job, data, machine, folders.get(job.name), until): job
            for job in jobs
        }
        for future in as_completed(started):
            for result in future.result():
                yield started[future], result


def _work(
    job: Job, data: Folded, machine: Machine, folder: Path | None, until: float
) -> list[dict[str, Any]]:
    """Do one job; nothing where its time is over."""
    if time.monotonic() >= until:
        return []
    model, result = learn(job, data, machine)
    if folder is not None:
        save_model(folder, model)
    return [result]


def _shipped_machine(device: str) -> Any:
    # One thread a training: several at once use the cores better, and the figures do not depend on
    # how many cores there are.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    shipped = load_params(Path(__file__).parents[1] / "params.yaml").machine
    return shipped.model_copy(update={"device": device, "threads": 1})


def _written(recipe: Recipe) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return values
