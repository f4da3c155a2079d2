"""What a study found, in a form that does not change from run to run."""

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from aislewatch.config.learning import Search
from aislewatch.errors import TrainingError
from aislewatch.train.tuned import Tuned
from aislewatch.tune.space import suggest

# States of a trial that counts: it ran to its end, or was stopped because it was bad.
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

# Hex digits of a study's key that are kept: two studies share 16 once in 10^9 pairs of 10^5.
KEY_DIGITS = 16


@dataclass(frozen=True)
class Best:
    """What the study found."""

    tuned: Tuned
    study: str  # the study's key
    trial: int
    val_loss: float

    def as_json(self) -> dict[str, float | str]:
        """Return what best.json holds, flat."""
        return {
            **self.tuned.values(),
            "study": self.study,
            "trial": self.trial,
            "val_loss": self.val_loss,
        }


def study_name(key: str) -> str:
    """Name the study of this key, as storage and dashboard call it."""
    return f"tune-{key}"


def best_of(trials: Sequence[FrozenTrial], search: Search, key: str) -> Best:
    """Return the trial of least validation loss; of equals the first.

    Raises:
        TrainingError: no trial ran to its end.
    """
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if not complete:
        raise TrainingError(
            f"none of {len(trials)} trials ran to its end; lower search.lr, or raise tune.trials"
        )
    best = min(complete, key=_value)
    return Best(suggest(best, search), key, best.number, _value(best)[0])


def _value(trial: FrozenTrial) -> tuple[float, int]:
    assert trial.value is not None
    return trial.value, trial.number
