"""One trial: what it tries, how it is watched and when it is stopped."""

import logging
from collections.abc import Callable

import numpy as np
import optuna
import torch

from aislewatch.config.learning import Tune
from aislewatch.config.params import Params
from aislewatch.errors import TrainingError
from aislewatch.tracking.journal import Journal
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import train
from aislewatch.train.processes import Processes
from aislewatch.train.validation import EpochRow
from aislewatch.tune.space import suggest, trial_recipe

# Trials drawn at random before the sampler models what it saw. Optuna's 10 would leave nothing
# to a study as short as the demo's.
STARTUP_TRIALS = 4
# Hyperband stops the worse two thirds at each rung, as in its paper's experiments (η = 3).
REDUCTION = 3

logger = logging.getLogger(__name__)


def sampler(seed: int, number: int) -> optuna.samplers.TPESampler:
    """Make the sampler of one trial: the same draws for the same seed and number of the trial."""
    drawn = int(np.random.default_rng([seed, number]).integers(2**32))
    return optuna.samplers.TPESampler(seed=drawn, n_startup_trials=STARTUP_TRIALS)


def pruner(tune: Tune) -> optuna.pruners.HyperbandPruner:
    """Make the Hyperband pruner; its brackets are not set up yet."""
    return optuna.pruners.HyperbandPruner(
        min_resource=1, max_resource=tune.epochs, reduction_factor=REDUCTION
    )


def try_out(
    trial: optuna.Trial,
    place: int,
    params: Params,
    data: TrainingData,
    device: torch.device,
    journal: Journal,
    on_step: Callable[[], None] = lambda: None,
) -> float:
    """Train with the trial's settings; return the least validation loss.

    A trial whose loss stops being a number counts as pruned: its settings were tried and are bad.

    Args:
        trial: as ``ask`` returned it.
        place: which of the study's trials it is, from 0.
        params: ranges, and what stays the same from trial to trial.
        data: clips to learn from and to judge by.
        device: as ``set_up_compute`` returns it.
        journal: the trial becomes a run nested in it.
        on_step: called after every step; what it raises ends the trial.

    Raises:
        optuna.TrialPruned: it was stopped.
    """
    tuned = suggest(trial, params.search)
    loss = float("nan")
    pruned = ""
    with journal.child(f"trial-{trial.number}", "trial", tuned.values()) as run:

        def on_epoch(row: EpochRow) -> None:
            run.metrics({"train.loss": row.train_loss, "val.loss": row.val_loss}, step=row.epoch)
            run.metrics({"val.auc": row.val_auc, "val.accuracy": row.val_accuracy}, step=row.epoch)
            trial.report(row.val_loss, step=row.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"pruned after epoch {row.epoch}")

        try:
            recipe = trial_recipe(tuned, params)
            _, rows = train(recipe, data, Processes(device), on_epoch, on_step=on_step)
            loss = min(row.val_loss for row in rows)
        except (optuna.TrialPruned, TrainingError) as reason:
            pruned = str(reason)
            run.tags({"pruned": pruned})
    settings = ", ".join(f"{name} {value:.4g}" for name, value in tuned.values().items())
    outcome = pruned or f"validation loss {loss:.4f}"
    logger.info("trial %d of %d: %s: %s", place + 1, params.tune.trials, settings, outcome)
    if pruned:
        raise optuna.TrialPruned(pruned)
    return loss
