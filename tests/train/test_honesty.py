"""Labels that say nothing teach nothing: the test fails for a leak, and for a constant score."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from aislewatch.evaluate.metrics import roc_auc
from aislewatch.models.scoring import score_clips, set_up_compute
from aislewatch.train.data import TrainingData, load_training_data
from aislewatch.train.loop import train
from aislewatch.train.processes import Processes
from tests.tiny_clips import write_store
from tests.train.small_training import ignore, make_recipe, params_of

SEEDS = range(4)
EPOCHS = 6


@dataclass(frozen=True)
class Lesson:
    """Clips to learn from, and clips that nobody saw."""

    data: TrainingData
    test: pd.DataFrame

    def scores(self, seed: int) -> npt.NDArray[np.float64]:
        """Train a network and score the unseen clips."""
        device = set_up_compute(params_of().machine)
        model, _ = train(make_recipe(EPOCHS, seed=seed), self.data, Processes(device), ignore)
        return score_clips(model, self.test, self.data.frames_dir, device)


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """The tiny store, with forty videos that are kept for the test."""
    folder = tmp_path_factory.mktemp("lesson")
    write_store(folder, {"train": 24, "val": 8, "test": 40})
    splits = folder / "data/dataset/splits.parquet"
    clips = pd.read_parquet(splits)
    test = clips[clips["split"] == "test"].drop(columns="split").reset_index(drop=True)
    return Lesson(load_training_data(splits, folder / "data/dataset/frames"), test)


def without_meaning(lesson: Lesson, seed: int) -> Lesson:
    """Half of each class under the other's label; what is learned from also stops the training.

    By chance alone labels of so few clips would lean to one side, and the network with them; and
    validation on labels without meaning would stop at an epoch that has learned nothing yet.
    """
    train_clips = lesson.data.train.copy()
    for _, rows in train_clips.groupby("label").groups.items():
        moved = np.random.default_rng(seed).permutation(rows)[: len(rows) // 2]
        train_clips.loc[moved, "label"] = 1 - train_clips.loc[moved, "label"]
    return Lesson(TrainingData(train_clips, train_clips, lesson.data.frames_dir), lesson.test)


def teaches_nothing(lesson: Lesson, scores: list[npt.NDArray[np.float64]]) -> bool:
    """Tell whether networks have opinions, and none that is right or wrong more often than not."""
    labels = lesson.test["label"].to_numpy(np.int64)
    areas = [roc_auc(labels, own) for own in scores]
    return all(own.std() > 1e-3 for own in scores) and abs(float(np.mean(areas)) - 0.5) < 0.15


def test_labels_that_say_nothing_teach_nothing(lesson: Lesson) -> None:
    scores = [without_meaning(lesson, seed).scores(seed) for seed in SEEDS]
    assert teaches_nothing(lesson, scores)


def test_true_labels_a_leak_and_a_constant_score_are_told_from_it(lesson: Lesson) -> None:
    """Mutants: the labels mean something; the test clips are learned from; nothing is scored."""
    assert not teaches_nothing(lesson, [lesson.scores(0)])
    blind = without_meaning(lesson, 0)
    leaked = pd.concat([blind.data.train, lesson.test], ignore_index=True)
    leak = Lesson(TrainingData(leaked, leaked, lesson.data.frames_dir), lesson.test)
    assert not teaches_nothing(lesson, [leak.scores(0)])
    assert not teaches_nothing(lesson, [np.full(len(lesson.test), 0.5)])
