"""How near the split comes to 70/15/15, against scikit-learn's StratifiedGroupKFold.

python -m benchmarks.split.shares          half a minute of one core
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from aislewatch.split.assignment import SIDES, Counts, Sides, Task, assign
from aislewatch.split.reachability import decide, excess
from benchmarks.rounds import machine

SHARES = np.array([0.70, 0.15, 0.15])
SETS = 40
GROUPS = (12, 25, 100, 300)
# scikit-learn makes equal folds: of 20, 14 are train, 3 val, 3 test.
FOLDS = np.repeat([0, 1, 2], [14, 3, 3])


def draw(groups: int, seed: int) -> Task:
    """Groups of heavy-tailed size (Pareto 1.2), half of them with positives."""
    generator = np.random.default_rng(seed)
    clips = np.ceil(generator.pareto(1.2, groups) * 5 + 1).astype(np.int64)
    some = np.minimum(clips, generator.integers(1, 6, groups))
    positives = np.where(generator.random(groups) < 0.5, some, 0)
    counts = np.stack([clips, positives, clips - positives], axis=1)
    anywhere = np.ones((groups, len(SIDES)), bool)
    return Task(counts, anywhere, np.repeat(SHARES[:, None], 3, axis=1))


def by_folds(counts: Counts) -> Sides:
    """scikit-learn's assignment."""
    groups = np.repeat(np.arange(len(counts)), counts[:, 0])
    labels = np.concatenate([np.repeat([1, 0], own[1:]) for own in counts])
    sides = np.zeros(len(counts), np.int64)
    folds = StratifiedGroupKFold(len(FOLDS), shuffle=True, random_state=0)
    for side, (_, rows) in zip(FOLDS, folds.split(labels, labels, groups), strict=True):
        sides[groups[rows]] = side
    return sides


@dataclass(frozen=True)
class Tried:
    """Points beyond the tolerance (one point, or what whole clips allow), and CPU seconds."""

    beyond: float
    seconds: float


def timed(task: Task, way: Callable[[], Sides]) -> Tried:
    started = time.process_time()
    sides = way()
    seconds = time.process_time() - started
    return Tried(excess(task, sides, tolerance(task)), seconds)


def tolerance(task: Task) -> np.ndarray:
    return np.maximum(1.0, task.rounding)


def compare(groups: int) -> None:
    tasks = [draw(groups, seed) for seed in range(SETS)]
    tasks = [task for task in tasks if ((task.counts > 0).sum(axis=0) >= len(SIDES)).all()]
    local = [timed(task, lambda task=task: assign(task, 0)) for task in tasks]
    print(f"\n{groups} groups, {len(tasks)} sets")
    if groups >= 5 * len(FOLDS):
        folds = [timed(task, lambda task=task: by_folds(task.counts)) for task in tasks]
        describe("StratifiedGroupKFold", folds)
    describe("local search", local)
    missed = [(task, tried) for task, tried in zip(tasks, local, strict=True) if tried.beyond > 0]
    if not missed:
        return
    started = time.process_time()
    answers = [decide(task, tolerance(task)) for task, _ in missed]
    seconds = time.process_time() - started
    gains = [tried.beyond - a.excess for (_, tried), a in zip(missed, answers, strict=True)]
    print(
        f"  of {len(missed)} missed the solver proves {sum(a.proven for a in answers)}: "
        f"{sum(a.excess == 0 for a in answers)} are within the tolerance after all, "
        f"{sum(gain > 1e-4 for gain in gains)} come nearer, by up to {max(gains):.1f} points; "
        f"{seconds / len(missed):.2f} s each"
    )


def describe(name: str, tried: list[Tried]) -> None:
    beyond = np.array([each.beyond for each in tried])
    print(
        f"  {name}: within the tolerance {np.mean(beyond == 0):.0%}, beyond it in the median "
        f"{np.median(beyond):.2f}, at worst {beyond.max():.2f} points; "
        f"{np.mean([each.seconds for each in tried]):.2f} s each"
    )


def main() -> None:
    """Print the figures."""
    print(machine())
    for groups in GROUPS:
        compare(groups)


if __name__ == "__main__":
    main()
