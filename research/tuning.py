"""Does tuning Adam buy anything? Tuned against the paper's values at equal budget, real footage.

python -m research.pack CORPUS FOLDER     decodes the footage, anywhere
python -m research.tuning FOLDER              17 minutes of one core; goes on where it was

Outer folds by recording, five of them. From every seed each side gets the same: TRIALS trainings of
EPOCHS epochs on the same clips, none stopped early, of which the one with the least validation loss
on the same inner fold is scored on the outer fold, once. The tuned side spends its trainings on
settings of Adam that the product's sampler suggests, from the ranges of params.yaml; the other one
on as many fresh weights at the paper's Adam (3e-4, 0.9, 0.999, 1e-7). The network is the ConvLSTM
of SMALL on one window of ten frames a clip: reduced, so that a core can do it.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray

from aislewatch.config.judging import Evaluate
from aislewatch.config.params import Params, load_params
from aislewatch.errors import TrainingError
from aislewatch.evaluate.intervals import interval, resampled_metrics
from aislewatch.models.build import ModelConfig
from aislewatch.models.scoring import score_clips, set_up_compute
from aislewatch.models.sizes import network_of
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import Recipe, train
from aislewatch.train.processes import Processes
from aislewatch.train.tuned import PAPER, Tuned
from aislewatch.tune.space import suggest
from aislewatch.tune.trial import sampler
from benchmarks.rounds import machine
from research.footage import FPS, SIZE, Folded, mnnit, unpack
from research.report import FIGURES, figures, shown
from research.select import FOLDS

FRAMES, STEP = 10, 3  # 28 of a clip's 30 frames are covered
HALF = SIZE // 2  # pixels a side of the frames as stored here; the network sees 32
SMALL = {"input_size": 24, "hidden_channels": 16}
BATCH = 16
TRIALS, EPOCHS, SEEDS = 6, 8, 5
SIDES = ("tuned", "paper")
STORE = "frames.yuv"


def halved(frames_FKW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Packed I420 frames at half the size, by means of 2 × 2 pixels: a quarter of the reading."""
    planes = (
        frames_FKW[:, :SIZE],
        frames_FKW[:, SIZE : SIZE * 5 // 4],
        frames_FKW[:, SIZE * 5 // 4 :],
    )
    small = []
    for plane, side in zip(planes, (SIZE, HALF, HALF), strict=True):
        blocks = plane.reshape(len(plane), side // 2, 2, side // 2, 2)
        small.append(blocks.mean(axis=(2, 4)).round().astype(np.uint8).reshape(len(plane), -1))
    return np.concatenate(small, axis=1)


class Bench:
    """The footage, and how it is learned from."""

    def __init__(self, folder: Path, params: Params, asked: argparse.Namespace) -> None:
        self.folder, self.params, self.asked = folder, params, asked
        self.learning = params.learning.model_copy(update={"batch_size": BATCH})
        footage = unpack(folder / "mnnit")
        self.data: Folded = mnnit(footage)
        if not (folder / STORE).exists():
            halved(footage.frames).tofile(folder / STORE)
        self.clips = pd.DataFrame(
            {"frames_file": STORE, "start": footage.first(), "label": self.data.clips.label}
        ).astype({"label": int})
        self.config = ModelConfig(
            architecture="convlstm",
            model=network_of(params.model).model_copy(update=SMALL),
            frame_size=HALF,
            n_frames=FRAMES,
            step=STEP,
            fps=FPS,
        )
        self.device = set_up_compute(
            params.machine.model_copy(update={"device": "cpu", "threads": 1})
        )

    def sides(self, outer: int, seed: int) -> tuple[TrainingData, pd.DataFrame]:
        """What is learned from and chosen by, and the outer fold's clips."""
        inner = (outer + 1 + seed % (FOLDS - 1)) % FOLDS
        learned = self.data.train_rows({outer, inner})
        chosen_by = np.setdiff1d(self.data.train_rows({outer}), learned)
        parts = [self.clips.iloc[rows].reset_index(drop=True) for rows in (learned, chosen_by)]
        return TrainingData(*parts, self.folder), self.clips[self.data.fold == outer]

    def trained(
        self, tuned: Tuned, seed: int, data: TrainingData, test: pd.DataFrame
    ) -> tuple[float, list[float]]:
        """Least validation loss of a training, and its scores of the outer fold."""
        epochs = self.asked.epochs
        recipe = Recipe(self.config, self.learning, tuned.adam(), epochs, epochs, seed)
        try:
            model, rows = train(recipe, data, Processes(self.device), lambda row: None)
        except TrainingError:  # the loss was no number
            return float("inf"), [0.5] * len(test)
        scores = score_clips(model, test, self.folder, self.device)
        return min(row.val_loss for row in rows), scores.tolist()

    def best(self, side: str, outer: int, seed: int) -> dict[str, object]:
        """All trainings of one side; what the best of them by validation says of the outer fold."""
        data, test = self.sides(outer, seed)
        study = optuna.create_study()
        tried = []
        for number in range(self.asked.trials):
            if side == "tuned":
                study.sampler = sampler(100 * outer + seed, number)
                trial = study.ask()
                tuned = suggest(trial, self.params.search)
                loss, scores = self.trained(tuned, seed, data, test)
                study.tell(trial, loss)
            else:
                tuned = PAPER
                loss, scores = self.trained(tuned, 1000 * seed + number, data, test)
            tried.append((loss, scores, tuned.values()))
        loss, scores, values = min(tried, key=lambda one: one[0])
        losses = [one[0] for one in tried]
        return {"val_loss": loss, "losses": losses, "values": values, "scores": scores}


def cached(file: Path, compute: Callable[[], dict[str, object]]) -> dict[str, object]:
    """What was computed before, or is now."""
    if not file.exists():
        partial = file.with_suffix(".tmp")
        partial.write_text(json.dumps(compute()))
        partial.replace(file)
    found: dict[str, object] = json.loads(file.read_text())
    return found


def main() -> None:
    """Train what is left, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    bench = Bench(asked.folder, params, asked)
    results = asked.folder / f"tuning-{asked.trials}-{asked.epochs}"
    results.mkdir(exist_ok=True)
    found: dict[str, list[pd.DataFrame]] = {side: [] for side in SIDES}
    losses: dict[str, list[float]] = {side: [] for side in SIDES}
    for seed in range(asked.seeds):
        tables = {
            side: bench.clips.assign(video=bench.data.recording, score=np.nan) for side in SIDES
        }
        for outer in range(FOLDS):
            for side in SIDES:
                file = results / f"{side}-{outer}-{seed}.json"
                one = cached(file, lambda s=side, o=outer, n=seed: bench.best(s, o, n))
                tables[side].loc[bench.data.fold == outer, "score"] = one["scores"]
                losses[side].append(float(str(one["val_loss"])))
                print(f"seed {seed}, fold {outer}, {side}: {losses[side][-1]:.4f}", flush=True)
        for side in SIDES:
            found[side].append(tables[side])
    report(found, losses, params.evaluate)
    print(f"{asked.trials} trainings of {asked.epochs} epochs a side, fold and seed; {machine()}")


def report(
    found: dict[str, list[pd.DataFrame]], losses: dict[str, list[float]], settings: Evaluate
) -> None:
    """Print each side, then the paired difference."""
    ours, theirs = (figures(found[side], settings) for side in SIDES)
    for side, own in zip(SIDES, (ours, theirs), strict=True):
        cells = " | ".join(f"{name} {shown(own[name], settings)}" for name in FIGURES)
        print(f"{side:6s} {cells} | inner validation loss {np.mean(losses[side]):.4f}")
    for name in FIGURES:
        by_seed = [
            resampled_metrics(t, settings)[name].value - resampled_metrics(p, settings)[name].value
            for t, p in zip(found["tuned"], found["paper"], strict=True)
        ]
        lead = interval(ours[name] - theirs[name], settings.confidence)
        print(
            f"lead in {name}: {100 * lead.value:.1f} [{100 * lead.low:.1f}, {100 * lead.high:.1f}] "
            f"points; by seed {' '.join(f'{100 * value:.1f}' for value in by_seed)}"
        )


if __name__ == "__main__":
    main()
