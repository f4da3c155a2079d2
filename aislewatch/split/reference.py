"""Measures, by a cheap reference model, what a split of clips at random hides: the gap.

Clips of one video are nearly alike. A model that meets some of them in training recognises the
others, and its figure says nothing of new footage. The model here is a logistic regression on the
motion and colour of coarse cells: it learns in 50 ms, and on 548 clips of one room (MNNIT,
137 groups of 274 videos) it scores 84 % on clips drawn at random and 63 % on other groups.
Its figures go to a page for people, never into a hashed file: the last bits of BLAS differ between
machines.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aislewatch.frames.clip_frames import read_clip

# Clips looked at: whole groups up to about this many, so that their nearness stays. 1.5 s.
MOST_CLIPS = 2000
# Draws at random, each learned and tested anew: the spread says how far one split is luck.
DRAWS = 10
SEED = 0

# Cells a side of the pictures of motion and brightness, and of each plane of colour.
CELLS = 8
COLOUR_CELLS = 4
# Inverse strength of the penalty. 1 scored the same within its spread and took longer, 0.01 less.
PENALTY = 0.1
ITERATIONS = 300

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """Holds means over draws, of test clips, and standard deviations (0 for a single split)."""

    accuracy: float
    accuracy_spread: float
    auc: float
    auc_spread: float


@dataclass(frozen=True)
class Gap:
    """Holds the reference model's scores: clips at random, groups at random, this split."""

    clips_at_random: Score
    groups_at_random: Score
    this_split: Score
    clips: int

    @property
    def points(self) -> float:
        """Return the points of balanced accuracy that drawing clips at random would add."""
        return 100 * (self.clips_at_random.accuracy - self.groups_at_random.accuracy)


def reference_gap(
    splits: pd.DataFrame, frames_dir: Path, size: int, span: int, shares: tuple[float, float]
) -> Gap | None:
    """Learn and test the reference model under three ways to share clips out.

    Args:
        splits: frames_file, start, label, group, split.
        frames_dir: the frame store.
        size: pixels a side of a stored frame.
        span: store frames from the first frame of a clip to its last, both counted.
        shares: of training and of test.

    Returns:
        None where the footage is too small for a draw with both classes on both sides.
    """
    chosen = _some_groups(splits)
    features = np.stack(
        [
            _features(frames_dir, file, start, size, span)
            for file, start in zip(chosen["frames_file"], chosen["start"].tolist(), strict=True)
        ]
    )
    labels, groups = chosen["label"].to_numpy(), chosen["group"].to_numpy()
    sides = {"train_size": shares[0], "test_size": shares[1], "random_state": SEED}
    ours = [tuple(np.flatnonzero(chosen["split"] == side) for side in ("train", "test"))]
    try:
        at_random = list(StratifiedShuffleSplit(DRAWS, **sides).split(features, labels))
        by_group = list(GroupShuffleSplit(DRAWS, **sides).split(features, labels, groups))
    except ValueError:  # scikit-learn's word for too few clips of a class, or too few groups
        return None
    with threadpool_limits(1, "blas"):  # threads cost more than such small products gain
        of_clips, of_groups, of_ours = (
            _score(features, labels, draws) for draws in (at_random, by_group, ours)
        )
    if of_clips is None or of_groups is None or of_ours is None:
        return None
    return Gap(of_clips, of_groups, of_ours, len(chosen))


def _some_groups(splits: pd.DataFrame) -> pd.DataFrame:
    """Draw whole groups at random until there are enough clips."""
    sizes = splits.groupby("group").size().sample(frac=1, random_state=SEED)
    before = sizes.cumsum() - sizes
    return splits[splits["group"].isin(sizes.index[before < MOST_CLIPS])]


def _features(frames_dir: Path, file: str, start: int, size: int, span: int) -> Floats:
    """Describe a clip's first, middle, last frame: brightness, its change and colour, by cells."""
    yuv_TKW = np.empty((3, size * 3 // 2, size), np.uint8)
    read_clip(frames_dir, file, start, 3, (span - 1) // 2, yuv_TKW)
    planes = yuv_TKW.astype(np.float64)
    y_TYX = planes[:, :size]
    colour = planes[1, size:].reshape(2, size // 2, size // 2)
    cells = [
        *(_cells(np.abs(change), CELLS) for change in np.diff(y_TYX, axis=0)),
        _cells(y_TYX[1], CELLS),
        *(_cells(plane, COLOUR_CELLS) for plane in colour),
    ]
    return np.concatenate(cells)


def _cells(plane: Floats, number: int) -> Floats:
    side = len(plane) // number
    means: Floats = plane.reshape(number, side, number, side).mean(axis=(1, 3)).ravel()
    return means


def _score(
    features: Floats,
    labels: npt.NDArray[np.int64],
    draws: Iterable[tuple[npt.NDArray[np.int64], ...]],
) -> Score | None:
    found = []
    for train, test in draws:
        if len(set(labels[train])) == 2 and len(set(labels[test])) == 2:
            model = _model().fit(features[train], labels[train])
            scores = model.predict_proba(features[test])[:, 1]
            accuracy = balanced_accuracy_score(labels[test], scores > 0.5)
            found.append((accuracy, roc_auc_score(labels[test], scores)))
    if not found:
        return None
    (accuracy, auc), spread = np.mean(found, axis=0), np.std(found, axis=0)
    return Score(float(accuracy), float(spread[0]), float(auc), float(spread[1]))


def _model() -> Any:
    regression = LogisticRegression(C=PENALTY, max_iter=ITERATIONS, class_weight="balanced")
    return make_pipeline(StandardScaler(), regression)
