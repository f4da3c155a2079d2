"""A study of several workers from one command, which survives the death of any of them.

Which trial learns from which depends on who is faster, so a study of several workers does not
repeat to the bit; what each trial is worth does.
"""

import logging
import multiprocessing
import signal
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from optuna.trial import FrozenTrial, TrialState

from aislewatch.errors import TrainingError
from aislewatch.tune.progress import HISTORY, first_of, study_progress
from aislewatch.tune.storage import shown_url
from aislewatch.tune.worker import STOP_S, STOPPED, Work, run_worker

logger = logging.getLogger(__name__)


def tune_together(work: Work) -> list[FrozenTrial]:
    """Run the study by ``machine.tune_workers`` processes and those of other commands.

    A worker that is killed is replaced, and its trial tried once more.

    Args:
        work: the study.

    Returns:
        The trials within the budget, and those that tried them again.

    Raises:
        TrainingError: the database cannot be opened, or a worker met an error (which it printed).
    """
    tune, n_workers = work.params.tune, work.params.machine.tune_workers
    study = work.study()
    if not study_progress(study, tune.trials).done():
        logger.info("%d worker(s) on study %s in %s", n_workers, work.key, shown_url(work.url))
        _run_workers(work)
    counted = study_progress(study, tune.trials).counted
    killed = {first_of(trial) for trial in counted if trial.system_attrs.get(HISTORY)}
    finished = {
        first_of(trial)
        for trial in counted
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    }
    if killed:
        logger.warning(
            "%d of %d trials finished; %d tried again because their workers had died, %d of them "
            "in vain",
            *(len(finished), tune.trials, len(killed), len(killed - finished)),
        )
    return counted


def _run_workers(work: Work) -> None:
    params = work.params
    context = multiprocessing.get_context("spawn")

    def started(index: int) -> SpawnProcess:
        process = context.Process(target=run_worker, args=(work, index), daemon=True)
        process.start()
        return process

    workers = {index: started(index) for index in range(params.machine.tune_workers)}
    # A trial is tried twice at most, so no more workers can die of trials.
    spare = 2 * params.tune.trials
    try:
        while workers:
            wait([process.sentinel for process in workers.values()])
            for index, process in list(workers.items()):
                if process.is_alive():
                    continue
                process.join()
                del workers[index]
                code = process.exitcode or 0
                if code == 0:
                    continue
                if 0 < code != STOPPED or spare == 0:
                    raise TrainingError(
                        f"worker {index + 1} of the study ended with status {code}; what it "
                        "printed above says why. The study goes on where it was when the stage is "
                        "run again"
                    )
                spare -= 1
                name = signal.Signals(-code if code < 0 else signal.SIGTERM).name
                logger.warning(
                    "worker %d was ended by %s; its trial is tried once more, and another worker "
                    "takes its place",
                    *(index + 1, name),
                )
                workers[index] = started(index)
    finally:
        _stop(list(workers.values()))


def _stop(workers: list[SpawnProcess]) -> None:
    for process in workers:
        process.terminate()
    for process in workers:
        process.join(STOP_S)
        process.kill()
        process.join()
