"""Trials as they are drawn: where each setting lies in its range, and how low the loss came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from aislewatch.tune.best import FINISHED


@dataclass(frozen=True)
class TrialPoint:
    """A trial as it is drawn."""

    place: int  # in the order of the study, from 1
    loss: float  # least validation loss that it reached
    complete: bool  # or pruned
    params: Mapping[str, float]
    shares: Mapping[str, float]  # where in its range each value lies, 0 to 1, in log where drawn so


def trial_points(trials: Sequence[FrozenTrial]) -> list[TrialPoint]:
    """List the finished and pruned trials of a study that had a loss, in its order."""
    finished = [t for t in trials if t.state in FINISHED]
    found = []
    for place, trial in enumerate(finished, start=1):
        losses = [
            *trial.intermediate_values.values(),
            *([] if trial.value is None else trial.values),
        ]
        if losses:
            complete = trial.state is TrialState.COMPLETE
            shares = {name: _share(trial, name) for name in trial.params}
            found.append(TrialPoint(place, min(losses), complete, trial.params, shares))
    return found


def _share(trial: FrozenTrial, name: str) -> float:
    distribution, value = trial.distributions[name], trial.params[name]
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices.index(value) / (len(distribution.choices) - 1)
    assert isinstance(distribution, FloatDistribution)
    scale = np.log if distribution.log else float
    low, high = scale(distribution.low), scale(distribution.high)
    return 0.5 if low == high else float((scale(value) - low) / (high - low))


def best_point(tried: Sequence[TrialPoint]) -> TrialPoint | None:
    """Return the finished trial of least loss, if any finished."""
    complete = [one for one in tried if one.complete]
    return min(complete, key=lambda one: one.loss) if complete else None


def range_of(trials: Sequence[FrozenTrial], name: str) -> tuple[str, str]:
    """Return both ends of a setting's range, in words."""
    distribution = next(t.distributions[name] for t in trials if name in t.distributions)
    if isinstance(distribution, CategoricalDistribution):
        return str(distribution.choices[0]), str(distribution.choices[-1])
    assert isinstance(distribution, FloatDistribution)
    return f"{distribution.low:.3g}", f"{distribution.high:.3g}"
