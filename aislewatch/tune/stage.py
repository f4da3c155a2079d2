"""Stage tune: find the settings of training on the ConvLSTM; data/best.json and its pictures.

It runs before train, although the project's card lists it after, because train uses its result.
"""

import logging
import os

import optuna
from optuna.trial import FrozenTrial

from aislewatch.config.params import Params
from aislewatch.files import whole_folder, write_json
from aislewatch.models.build import model_config
from aislewatch.models.scoring import set_up_compute
from aislewatch.models.sizes import network_of
from aislewatch.tables import places
from aislewatch.tracking.journal import Journal
from aislewatch.train.checkpoint import input_key, result_key
from aislewatch.train.code import TRIALS, code_digest
from aislewatch.train.data import data_for
from aislewatch.train.tuned import write_settings
from aislewatch.tune.alone import sqlite_url, tune_alone
from aislewatch.tune.best import KEY_DIGITS, best_of
from aislewatch.tune.pictures import draw_pictures
from aislewatch.tune.storage import VARIABLE, shown_url
from aislewatch.tune.together import tune_together
from aislewatch.tune.worker import Work

DASHBOARD = "watch the study with: optuna-dashboard %s"

logger = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Run the study and write its best settings."""
    key, trials = study(params, journal)
    best = best_of(trials, params.search, key)
    with whole_folder(places.STUDY_PICTURES) as folder:
        draw_pictures(trials, folder)
    write_json(places.BEST, best.as_json())
    write_settings(places.TRAINING, params, best.tuned)
    journal.metrics({"best.val_loss": best.val_loss, "best.trial": best.trial})
    journal.tags({"study": best.study})
    for output in (places.BEST, places.TRAINING, places.STUDY_PICTURES):
        journal.digest(output)
    journal.artifact(places.STUDY_PICTURES)


def study(params: Params, journal: Journal) -> tuple[str, list[FrozenTrial]]:
    """Run the study: this process alone, or workers where params.yaml or a database say so.

    Returns:
        Its key, and its trials.
    """
    device = set_up_compute(params.machine)
    config = model_config("convlstm", network_of(params.model), params)
    data = data_for(config)
    # Without the number of trials: a study that is asked for more goes on from where it was.
    # Without the machine: two that differ work on one study, and best.json names it alike on both.
    settings = {
        "config": config.model_dump(),
        "learning": params.learning.model_dump(),
        "search": params.search.model_dump(),
        "epochs": params.tune.epochs,
        "seed": params.seed,
    }
    code = code_digest(params.learning.precision, TRIALS)
    key = input_key(settings, data, code)[:KEY_DIGITS]
    shared = os.environ.get(VARIABLE)
    together = bool(shared) or params.machine.tune_workers > 1
    # A study by one process must hold nothing that timing or another sampler decided.
    here = settings | {"together": together, "optuna": optuna.__version__}
    file = places.WORK / f"study-{result_key(here, data, device, code)}.db"
    if together:
        url = shared or sqlite_url(file)
        logger.info(DASHBOARD, shown_url(url))
        work = Work(params, places.SPLITS, places.FRAMES, key, journal, url)
        return key, tune_together(work)
    logger.info(DASHBOARD, sqlite_url(file))
    return key, tune_alone(params, data, device, file, key, journal)
