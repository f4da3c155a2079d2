"""Runs a study by several processes, which survives the death of any but the last.

Which trial learns from which depends on who is faster, so a study of several workers does not
repeat to the bit; what each trial is worth does.
"""

import logging
import multiprocessing
import signal
import time
import warnings
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from aislewatch.errors import TrainingError
from aislewatch.tune.best import FINISHED
from aislewatch.tune.storage import shown_url
from aislewatch.tune.worker import STOP_S, Work, run_worker

AGAIN = "The study goes on where it was when the stage is run again"

# Seconds between two looks whether the trials of killed workers have been ended.
LOOK_S = 0.5

logger = logging.getLogger(__name__)


def tune_together(work: Work) -> list[FrozenTrial]:
    """Run the study by ``machine.tune_workers`` processes and those of other commands.

    Args:
        work: the study.

    Returns:
        The trials that finished first, as many as were asked for: those that were under way when
        the study had enough are left out, so that every command returns the same.

    Raises:
        TrainingError: the database cannot be opened, a worker met an error (which it printed), or
            all were killed.
    """
    study = work.study()
    if n_workers := min(work.missing(study), work.params.machine.tune_workers):
        logger.info("%d worker(s) on study %s in %s", n_workers, work.key, shown_url(work.url))
        some_killed = _run_workers(work, n_workers)
        if some_killed and not work.missing(study):
            _end_trials_of_the_killed(work, study)
    if missing := work.missing(study):
        raise TrainingError(f"all workers were killed, {missing} trial(s) are missing. {AGAIN}")
    finished = study.get_trials(states=FINISHED)
    return sorted(finished, key=_when)[: work.params.tune.trials]


def _when(trial: FrozenTrial) -> tuple[float, int]:
    assert trial.datetime_complete is not None
    return trial.datetime_complete.timestamp(), trial.number


def _end_trials_of_the_killed(work: Work, study: optuna.Study) -> None:
    """Have Optuna record as failed what nobody works on any more, which it sees after the grace."""
    give_up = time.monotonic() + work.grace_s + 2 * work.heartbeat_s
    while study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        with warnings.catch_warnings():
            # Heartbeats have been Optuna's "experiment" since 2021.
            warnings.simplefilter("ignore", ExperimentalWarning)
            optuna.storages.fail_stale_trials(study)
        if time.monotonic() > give_up:
            break  # What is left is another command's, and under way.
        time.sleep(LOOK_S)


def _run_workers(work: Work, n_workers: int) -> bool:
    """Run them to their ends; say whether one of them was killed."""
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=run_worker, args=(work, index), daemon=True)
        for index in range(n_workers)
    ]
    for process in workers:
        process.start()
    running = {process.sentinel: index for index, process in enumerate(workers)}
    try:
        while running:
            for sentinel in wait(list(running)):
                assert isinstance(sentinel, int)
                index = running.pop(sentinel)
                _judge(workers[index], index)
    finally:
        _stop(workers)
    return any(process.exitcode for process in workers)


def _judge(process: SpawnProcess, index: int) -> None:
    process.join()
    code = process.exitcode or 0
    if code > 0:
        raise TrainingError(
            f"worker {index + 1} of the study ended with status {code}; what it printed above says "
            f"why. {AGAIN}"
        )
    if code < 0:
        logger.warning(
            "worker %d was ended by %s; another one tries its trial once more",
            *(index + 1, signal.Signals(-code).name),
        )


def _stop(workers: Sequence[SpawnProcess]) -> None:
    for process in workers:
        process.terminate()
    for process in workers:
        process.join(STOP_S)
        process.kill()
        process.join()
