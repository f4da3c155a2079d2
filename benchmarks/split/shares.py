"""How near the split comes to 70/15/15, against scikit-learn's StratifiedGroupKFold.

python -m benchmarks.split.shares          one minute of one core
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from aislewatch.split.assignment import SIDES, Counts, Sharing, Sides
from aislewatch.split.solver import Answer, solve
from benchmarks.rounds import machine

SHARES = np.array([0.70, 0.15, 0.15])
SETS = 40
GROUPS = (12, 25, 100, 300)
# scikit-learn makes equal folds: of 20, 14 are train, 3 val, 3 test.
FOLDS = np.repeat([0, 1, 2], [14, 3, 3])


def draw(groups: int, seed: int) -> Sharing:
    """Groups of heavy-tailed size (Pareto 1.2), half of them with positives."""
    generator = np.random.default_rng(seed)
    clips = np.ceil(generator.pareto(1.2, groups) * 5 + 1).astype(np.int64)
    some = np.minimum(clips, generator.integers(1, 6, groups))
    positives = np.where(generator.random(groups) < 0.5, some, 0)
    counts = np.stack([clips, positives, clips - positives], axis=1)
    anywhere = np.ones((groups, len(SIDES)), bool)
    return Sharing(counts, anywhere, np.repeat(SHARES[:, None], 3, axis=1))


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
class Measured:
    """Points beyond the tolerance (one point, or what whole clips allow), and CPU seconds.

    ``groups`` is the smaller of val's and test's share of the groups, held against 15 %.
    """

    beyond: float
    groups: float
    proven: bool
    seconds: float


def tolerance(sharing: Sharing) -> np.ndarray:
    return np.maximum(1.0, sharing.rounding)


def measured(sharing: Sharing, way: Callable[[], Answer]) -> Measured:
    started = time.process_time()
    answer = way()
    seconds = time.process_time() - started
    assert answer.sides is not None
    groups = np.bincount(answer.sides, minlength=len(SIDES))[1:].min() / len(sharing.counts)
    beyond = sharing.violation(answer.sides, tolerance(sharing))
    return Measured(beyond, groups, answer.proven, seconds)


def compare(groups: int) -> None:
    drawn = [draw(groups, seed) for seed in range(SETS)]
    sets = [each for each in drawn if ((each.counts > 0).sum(axis=0) >= len(SIDES)).all()]
    print(f"\n{groups} groups, {len(sets)} sets")
    if groups >= 5 * len(FOLDS):
        describe(
            "StratifiedGroupKFold",
            [
                measured(each, lambda each=each: Answer(by_folds(each.counts), np.inf, False))
                for each in sets
            ],
        )
    describe(
        "integer program",
        [measured(each, lambda each=each: solve(each, tolerance(each))) for each in sets],
    )


def describe(name: str, sets: list[Measured]) -> None:
    beyond = np.array([each.beyond for each in sets])
    seconds = np.array([each.seconds for each in sets])
    missed = [each for each in sets if each.beyond > 0]
    print(
        f"  {name}: within the tolerance {np.mean(beyond == 0):.0%}, beyond it at worst "
        f"{beyond.max():.2f}, in the mean {beyond.mean():.2f} points; of {len(missed)} that miss "
        f"it {sum(each.proven for each in missed)} are proven to be the best there is; least share "
        f"of groups on val or test {min(each.groups for each in sets):.1%}; "
        f"{seconds.mean():.2f} s each, at most {seconds.max():.2f}"
    )


def main() -> None:
    """Print the figures."""
    print(machine())
    for groups in GROUPS:
        compare(groups)


if __name__ == "__main__":
    main()
