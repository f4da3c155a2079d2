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
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import MaxTrialsCallback

from aislewatch.config.params import Params
from aislewatch.exits import plain_errors
from aislewatch.models.build import model_config
from aislewatch.models.scoring import set_up_compute
from aislewatch.models.sizes import network_of
from aislewatch.tracking.journal import Journal
from aislewatch.train.data import data_for
from aislewatch.tune.best import FINISHED, study_name
from aislewatch.tune.storage import join_study, open_storage
from aislewatch.tune.trial import pruner, sampler, try_out

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

    def missing(self, study: optuna.Study) -> int:
        """Count the trials that the study still lacks."""
        finished = study.get_trials(deepcopy=False, states=FINISHED)
        return max(0, self.params.tune.trials - len(finished))


class StoppedError(Exception):
    """Somebody told this process to stop."""


def run_worker(work: Work, index: int) -> None:
    """Try trials until the study has enough; the body of a process.

    Args:
        work: the study.
        index: of this worker among those of its command, from 0.
    """
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
            raise StoppedError

    with plain_errors(f"worker {index + 1}"):
        device = share_of_machine(work.params, index)
        config = model_config("convlstm", network_of(work.params.model), work.params)
        data = data_for(config, work.splits, work.frames)

        def objective(trial: optuna.Trial) -> float:
            return try_out(
                trial, trial.number, work.params, data, device, work.journal, leave_if_told
            )

        try:
            take_part(work, objective)
        except StoppedError:
            sys.exit(STOPPED)


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


def take_part(work: Work, objective: Callable[[optuna.Trial], float]) -> None:
    """Take trials of the study until it has enough that are finished, whoever tried them.

    Before each trial, Optuna lines up those of workers that died, to be tried once more.

    Args:
        work: the study.
        objective: of a trial. When it raises ``StoppedError``, its trial waits for another worker.

    Raises:
        StoppedError: as the objective did.
    """
    study = work.study()
    study.pruner = pruner(work.params.tune)
    through: int | None = None

    def tried(trial: optuna.Trial) -> float:
        nonlocal through
        through = None
        # By number: no two workers draw the same settings.
        study.sampler = sampler(work.params.seed, trial.number)
        try:
            value = objective(trial)
        except StoppedError:
            # With all its settings, since only a step ends so. Before Optuna ends it: a kill in
            # between has it tried once too often, never lost.
            study.enqueue_trial(trial.params)
            raise
        except (optuna.TrialPruned, UpdateFinishedTrialError):
            through = trial.number
            raise
        through = trial.number
        return value

    enough = MaxTrialsCallback(work.params.tune.trials, states=FINISHED)
    while work.missing(study):
        try:
            study.optimize(tried, callbacks=[enough])
        except (UpdateFinishedTrialError, ValueError, AssertionError):
            # Optuna's answers to the end of a trial that somebody else has ended; of a trial whose
            # objective did not come to its end, the fault is its own.
            if through is None:
                raise
            logger.warning(
                "trial %d gave no sign of life for %d s, so another worker tries it again; what "
                "this one found is left out",
                *(through, work.grace_s),
            )


def _stop_when_orphaned(told: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    told.set()
    time.sleep(STOP_S)
    os.kill(os.getpid(), signal.SIGKILL)
