"""The Optuna study over Adam's hyperparameters, repeatable and resumable at any moment.

Optuna keeps state between trials in three places, and each is dealt with so that a killed study
ends with the same best trial as one that ran through:

* the sampler's generator: every trial gets a sampler of its own, seeded by (seed, trial number);
* the pruner's brackets, which are set up by its first use: every trial gets a pruner of its own;
* the trial a killed process left running: the study is opened as a copy without it, so the next
  trial takes its number, which decides parameters and Hyperband bracket, and starts over.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import optuna
import torch
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from aislewatch.config import Tune
from aislewatch.errors import TrainingError
from aislewatch.files import whole_file
from aislewatch.tracking.journal import Journal
from aislewatch.training.data import TrainingData
from aislewatch.training.loop import Adam, EpochRow, Recipe, train

STUDY = "tune"
# Trials drawn at random before the sampler models what it saw. Optuna's 10 would leave nothing
# to a study as short as the demo's.
STARTUP_TRIALS = 4
# Hyperband stops the worse two thirds at each rung, as in its paper's experiments (η = 3).
REDUCTION = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Best:
    """What the study found."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    trial: int
    val_loss: float

    def adam(self) -> Adam:
        """The settings alone."""
        return Adam(self.lr, self.beta1, self.beta2, self.eps)


def tune(
    settings: Tune,
    recipe_for: Callable[[Adam], Recipe],
    data: TrainingData,
    device: torch.device,
    study_file: Path,
    journal: Journal,
) -> Best:
    """Run the study, or what is left of it, and return the best of its trials.

    A trial whose loss stops being a number counts as pruned: its settings were tried and are bad.

    Args:
        settings: ranges, seed, and ``trials`` in all, those of an earlier process included.
        recipe_for: the training that tries given settings.
        data: clips to learn from and to judge by.
        device: as ``set_up_compute`` returns it.
        study_file: the SQLite file of this study and no other; made, or gone on with.
        journal: each trial becomes a run nested in it.

    Raises:
        TrainingError: the file is corrupt, or no trial ran to its end.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    finished = _open_study(study_file)
    storage = RDBStorage(_url(study_file))
    for number in range(finished, settings.trials):
        _run_trial(settings, recipe_for, data, device, _study(settings, storage, number), journal)
    trials = _study(settings, storage, 0).trials[: settings.trials]
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if not complete:
        raise TrainingError(
            f"none of {settings.trials} trials ran to its end; widen tune's ranges towards smaller "
            "lr, or raise tune.trials"
        )
    return _best(min(complete, key=_value))


def _url(file: Path) -> str:
    return f"sqlite:///{file}"


def _open_study(file: Path) -> int:
    """Make the study, or keep only its finished trials; the number of those.

    It is always written anew beside the old one and takes its place as a whole, so that neither a
    half-made database nor a trial of a dead process is ever found.
    """
    for left_by_a_kill in file.parent.glob(f".{file.name}.*"):
        left_by_a_kill.unlink()
    kept: list[FrozenTrial] = []
    if file.exists():
        try:
            old = optuna.load_study(study_name=STUDY, storage=_url(file))
        except (SQLAlchemyError, KeyError, RuntimeError) as error:
            raise TrainingError(
                f"{file} is no readable study ({error}); remove it to start the study again"
            ) from None
        kept = old.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
    with whole_file(file) as temporary:
        study = optuna.create_study(study_name=STUDY, storage=_url(temporary))
        study.add_trials(kept)
    return len(kept)


def _study(settings: Tune, storage: RDBStorage, number: int) -> optuna.Study:
    seed = int(np.random.default_rng([settings.seed, number]).integers(2**32))
    return optuna.load_study(
        study_name=STUDY,
        storage=storage,
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS),
        pruner=optuna.pruners.HyperbandPruner(
            min_resource=1, max_resource=settings.epochs, reduction_factor=REDUCTION
        ),
    )


def _run_trial(
    settings: Tune,
    recipe_for: Callable[[Adam], Recipe],
    data: TrainingData,
    device: torch.device,
    study: optuna.Study,
    journal: Journal,
) -> None:
    trial = study.ask()
    adam = _suggest(trial, settings)
    with journal.child(f"trial-{trial.number}", "trial", asdict(adam)) as run:

        def on_epoch(row: EpochRow) -> None:
            run.metrics({"train.loss": row.train_loss, "val.loss": row.val_loss}, step=row.epoch)
            run.metrics({"val.auc": row.val_auc, "val.accuracy": row.val_accuracy}, step=row.epoch)
            trial.report(row.val_loss, step=row.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"pruned after epoch {row.epoch}")

        try:
            _, rows = train(recipe_for(adam), data, device, on_epoch)
        except (optuna.TrialPruned, TrainingError) as reason:
            study.tell(trial, state=TrialState.PRUNED)
            run.tags({"pruned": str(reason)})
            outcome = str(reason)
        else:
            val_loss = min(row.val_loss for row in rows)
            study.tell(trial, val_loss)
            outcome = f"validation loss {val_loss:.4f}"
    logger.info(
        "trial %d of %d: lr %.2g, beta1 %.3f, beta2 %.4f, eps %.1g: %s",
        trial.number + 1,
        settings.trials,
        *asdict(adam).values(),
        outcome,
    )


def _suggest(trial: optuna.Trial, settings: Tune) -> Adam:
    def log_uniform(name: str, bounds: list[float]) -> float:
        return trial.suggest_float(name, *bounds, log=True)

    return Adam(
        lr=log_uniform("lr", settings.lr),
        beta1=1 - log_uniform("one_minus_beta1", settings.one_minus_beta1),
        beta2=1 - log_uniform("one_minus_beta2", settings.one_minus_beta2),
        eps=log_uniform("eps", settings.eps),
    )


def _value(trial: FrozenTrial) -> tuple[float, int]:
    assert trial.value is not None
    return trial.value, trial.number


def _best(trial: FrozenTrial) -> Best:
    p = trial.params
    return Best(
        lr=p["lr"],
        beta1=1 - p["one_minus_beta1"],
        beta2=1 - p["one_minus_beta2"],
        eps=p["eps"],
        trial=trial.number,
        val_loss=_value(trial)[0],
    )
