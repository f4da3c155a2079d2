"""A study in one process, repeatable and resumable at any moment.

Optuna keeps state between trials in three places, and each is dealt with so that a killed study
ends with the same best trial as one that ran through:

* the sampler's generator: every trial gets a sampler of its own, seeded by (seed, trial number);
* the pruner's brackets, which are set up by its first use: every trial gets a pruner of its own;
* the trial a killed process left running: the study is opened as a copy without it, so the next
  trial takes its number, which decides parameters and Hyperband bracket, and starts over.
"""

from pathlib import Path

import optuna
import torch
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from aislewatch.config.params import Params
from aislewatch.errors import TrainingError
from aislewatch.files import whole_file
from aislewatch.tracking.journal import Journal
from aislewatch.train.data import TrainingData
from aislewatch.tune.best import FINISHED, study_name
from aislewatch.tune.trial import pruner, sampler, try_out


def tune_alone(
    params: Params,
    data: TrainingData,
    device: torch.device,
    study_file: Path,
    key: str,
    journal: Journal,
) -> list[FrozenTrial]:
    """Run the study, or what is left of it, and return its trials, no more than were asked for.

    Args:
        params: ranges, seed, and ``tune.trials`` in all, those of an earlier process included.
        data: clips to learn from and to judge by.
        device: as ``set_up_compute`` returns it.
        study_file: the SQLite file of this study and no other; made, or gone on with.
        key: names the study.
        journal: each trial becomes a run nested in it.

    Raises:
        TrainingError: the file is corrupt.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = study_name(key)
    finished = _open_study(study_file, name)
    storage = RDBStorage(sqlite_url(study_file))
    for number in range(finished, params.tune.trials):
        study = optuna.load_study(
            study_name=name,
            storage=storage,
            sampler=sampler(params.seed, number),
            pruner=pruner(params.tune),
        )
        trial = study.ask()
        try:
            study.tell(trial, try_out(trial, number, params, data, device, journal))
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
    return optuna.load_study(study_name=name, storage=storage).trials[: params.tune.trials]


def sqlite_url(file: Path) -> str:
    """Return Optuna's address of a SQLite file."""
    return f"sqlite:///{file}"


def _open_study(file: Path, name: str) -> int:
    """Make the study, or keep only its finished trials; return how many those are.

    It is always written anew beside the old one and takes its place as a whole, so that neither a
    half-made database nor a trial of a dead process is ever found.
    """
    for left_by_a_kill in file.parent.glob(f".{file.name}.*"):
        left_by_a_kill.unlink()
    kept: list[FrozenTrial] = []
    if file.exists():
        try:
            old = optuna.load_study(study_name=name, storage=sqlite_url(file))
        except (SQLAlchemyError, KeyError, RuntimeError) as error:
            raise TrainingError(
                f"{file} is no readable study ({error}); remove it to start the study again"
            ) from None
        kept = old.get_trials(states=FINISHED)
    with whole_file(file) as temporary:
        study = optuna.create_study(study_name=name, storage=sqlite_url(temporary))
        study.add_trials(kept)
    return len(kept)
