"""One of the processes that work on a study, and how it leaves: done, stopped or orphaned."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import torch

from aislewatch.config.params import Params
from aislewatch.console import set_up_logging
from aislewatch.errors import AislewatchError
from aislewatch.models.scoring import set_up_compute
from aislewatch.tracking.journal import Journal
from aislewatch.train.data import load_training_data
from aislewatch.tune.best import study_name
from aislewatch.tune.progress import (
    BEGUN,
    hand_back,
    place_of,
    retry_trials_of_the_dead,
    study_progress,
)
from aislewatch.tune.storage import join_study, open_storage
from aislewatch.tune.trial import pruner, sampler, try_out

# Seconds between two looks at trials of others that may have to be tried again.
LOOK_S = 1.0
# A worker that was told to stop ends with it: 128 + SIGTERM, as a shell would say.
STOPPED = 128 + signal.SIGTERM
# Seconds that a worker gets to hand its trial back, which it does after the step under way: one of
# 32 clips takes the reference network, at three times its inference (docs/benchmarks.md), 8 s on
# two cores.
STOP_S = 30.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """What the workers of a study are told.

    A sign of life every 3 s costs a database nothing; 15 s without one are more than a busy disk
    takes. Where they were too few after all, a trial is computed twice and counted once.
    """

    params: Params
    splits: Path
    frames: Path
    key: str
    journal: Journal
    url: str = field(repr=False)  # may hold a password
    heartbeat_s: int = 3
    grace_s: int = 15

    def study(self) -> optuna.Study:
        """Open the study, and make it if there is none."""
        storage = open_storage(self.url, self.heartbeat_s, self.grace_s)
        return join_study(storage, study_name(self.key))


class _BeyondBudgetError(Exception):
    """Somebody else has taken the last place."""


def run_worker(work: Work, index: int) -> None:
    """Try trials until none is left; the body of a process.

    Args:
        work: the study.
        index: of this worker among those of its command, from 0.
    """
    set_up_logging()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Ctrl-C reaches the whole group; the parent tells its workers to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: told.set())
    threading.Thread(target=_stop_when_orphaned, args=(told,), daemon=True).start()

    def leave_if_told() -> None:
        # Not the handler's own doing: Python drops what that raises inside a destructor, and a
        # database must not be left in the middle of a change.
        if told.is_set():
            sys.exit(STOPPED)

    try:
        device = share_of_machine(work.params, index)
        data = load_training_data(work.splits, work.frames)
        journal = work.journal

        def objective(trial: optuna.Trial, place: int) -> float:
            return try_out(trial, place, work.params, data, device, journal, leave_if_told)

        take_part(work, objective, leave_if_told)
    except AislewatchError as error:
        sys.exit(f"worker {index + 1}: {error}")


def share_of_machine(params: Params, index: int) -> torch.device:
    """Take this worker's share of the cores, and its GPU: the GPUs are given out in turn.

    Returns:
        The device to compute on.
    """
    os.environ["LOCAL_WORLD_SIZE"] = str(params.machine.tune_workers)
    device = set_up_compute(params.machine)
    if device.type == "cuda":
        device = torch.device("cuda", index % torch.cuda.device_count())
        torch.cuda.set_device(device)
    return device


def take_part(
    work: Work,
    objective: Callable[[optuna.Trial, int], float],
    between: Callable[[], None] = lambda: None,
) -> None:
    """Take trials of the study until all are finished, those of workers that died included.

    Args:
        work: the study.
        objective: of a trial and its place in the budget.
        between: called before every trial and look; what it raises ends the work.
    """
    study = work.study()
    budget = work.params.tune.trials
    while not (now := study_progress(study, budget)).done():
        between()
        if now.open():
            _take_one(study, work, objective)
        else:
            time.sleep(LOOK_S)
        retry_trials_of_the_dead(study, work.grace_s)


def _take_one(
    study: optuna.Study, work: Work, objective: Callable[[optuna.Trial, int], float]
) -> None:
    tune = work.params.tune
    taken: list[int] = []
    through = False

    def tried(trial: optuna.Trial) -> float:
        nonlocal through
        trial.set_user_attr(BEGUN, True)
        place = place_of(study, trial.number)
        if place >= tune.trials:
            raise _BeyondBudgetError
        taken.append(trial.number)
        study.sampler, study.pruner = sampler(work.params.seed, place), pruner(tune)
        try:
            value = objective(trial, place)
        except (optuna.TrialPruned, optuna.exceptions.UpdateFinishedTrialError):
            through = True
            raise
        through = True
        return value

    try:
        study.optimize(tried, n_trials=1, catch=(_BeyondBudgetError,))
    except BaseException as error:
        if through and isinstance(error, ValueError | AssertionError):
            # What Optuna makes of a value for a trial that somebody else has ended.
            logger.warning(
                "trial %d gave no sign of life for %d s, so another worker tries it again; what "
                "this one found is left out",
                *(taken[0], work.grace_s),
            )
            return
        if taken:
            hand_back(study, taken[0])
        raise


def _stop_when_orphaned(told: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    told.set()
    time.sleep(STOP_S)
    os.kill(os.getpid(), signal.SIGKILL)
