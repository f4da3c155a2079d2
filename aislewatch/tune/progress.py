"""Counts what is left of a study that several processes work on, and what must be tried again.

A trial that is tried again is a new trial of Optuna's that names the first one; the budget counts
the first ones. Two workers that ask for the last place at once both get a trial: the later one's
number says that it is beyond the budget, so it is given up before it begins.
"""

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from aislewatch.tune.storage import RETRIES

# Of a trial that tries again: the number of the first one, as Optuna's callback writes it.
FIRST = "failed_trial"
HISTORY = "retry_history"
# What a worker writes to a trial before all else: its heart beats.
BEGUN = "begun"


@dataclass(frozen=True)
class StudyProgress:
    """What is left of a study's budget."""

    counted: list[FrozenTrial]  # the trials within the budget and all that tried them again
    places: int  # of the budget that nobody took
    waiting: int  # to be tried again
    running: int

    def open(self) -> bool:
        """Return whether there is a trial to take."""
        return self.places > 0 or self.waiting > 0

    def done(self) -> bool:
        """Return whether no trial is left, and none under way may have to be tried again."""
        return not self.open() and self.running == 0


def study_progress(study: optuna.Study, budget: int) -> StudyProgress:
    """Read how far the study has come.

    Args:
        study: of several processes.
        budget: trials in all.
    """
    trials = study.get_trials(deepcopy=False)
    firsts = _firsts(trials)
    within = set(firsts[:budget])
    counted = [trial for trial in trials if first_of(trial) in within]
    states = [trial.state for trial in counted]
    return StudyProgress(
        counted,
        places=max(0, budget - len(firsts)),
        waiting=states.count(TrialState.WAITING),
        running=states.count(TrialState.RUNNING),
    )


def place_of(study: optuna.Study, number: int) -> int:
    """Return which of the study's trials this is, from 0; a retry has the place of its first."""
    trials = study.get_trials(deepcopy=False)
    return _firsts(trials).index(first_of(trials[number]))


def first_of(trial: FrozenTrial) -> int:
    """Return the number of the trial that this one tries again; its own if it is the first."""
    return int(trial.system_attrs.get(FIRST, trial.number))


def _firsts(trials: Sequence[FrozenTrial]) -> list[int]:
    return [trial.number for trial in trials if FIRST not in trial.system_attrs]


def retry_trials_of_the_dead(study: optuna.Study, grace_s: int) -> None:
    """Fail the trials whose workers give no sign of life, and line each up once more.

    Optuna does so for hearts that stopped; one that never began to beat, because its worker was
    killed right after asking, is told by its age.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
        retry = RetryHeartbeatStaleTrialCallback(RETRIES)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        assert trial.datetime_start is not None
        old = datetime.now() - trial.datetime_start > timedelta(seconds=grace_s)
        if old and BEGUN not in trial.user_attrs:
            # Another worker may be the first to say so.
            with contextlib.suppress(ValueError):
                study.tell(trial.number, state=TrialState.FAIL)
                retry(study, trial)


def hand_back(study: optuna.Study, number: int) -> None:
    """Queue a trial again that its worker had to leave; it does not count as killed.

    Lined up first and ended then: a kill in between has it tried once too often, never lost.
    """
    trial = study.get_trials()[number]
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs={FIRST: first_of(trial), HISTORY: trial.system_attrs.get(HISTORY, [])},
        )
    )
    if trial.state is TrialState.RUNNING:
        study.tell(number, state=TrialState.FAIL)
