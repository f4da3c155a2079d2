"""Stage train MODEL: one network of Table 2; writes its weights, metrics and learning curve."""

import logging
from collections.abc import Callable
from dataclasses import asdict, astuple
from pathlib import Path

from aislewatch.config.params import Params
from aislewatch.files import sha256_file, write_json
from aislewatch.models.build import WEIGHTS_FILE, Detector, model_config, save_model
from aislewatch.models.rows import BY_NAME
from aislewatch.models.scoring import set_up_compute
from aislewatch.models.sizes import network_of
from aislewatch.tables import places
from aislewatch.tables.train import curve_of
from aislewatch.tracking.journal import Journal
from aislewatch.train.calibrate import calibrate
from aislewatch.train.checkpoint import Checkpoint, result_key
from aislewatch.train.code import code_digest
from aislewatch.train.data import data_for
from aislewatch.train.loop import Recipe, train, training_steps
from aislewatch.train.processes import Processes, joined
from aislewatch.train.profiling import profile_steps
from aislewatch.train.tuned import PAPER, Tuned, read_settings
from aislewatch.train.validation import EpochRow

logger = logging.getLogger(__name__)


def work(name: str, params: Params, journal: Journal) -> None:
    """Train one network and write what it became."""
    params, tuned = read_settings(places.TRAINING, params)
    recipe = recipe_of(name, params, tuned)
    config = recipe.config
    # Of the stage's parameters dvc.yaml declares only those that do not come by that file.
    journal.params({"model": params.model.model_dump(), "learning": params.learning.model_dump()})
    journal.params({"segment": params.segment.model_dump(include={"n_frames", "step"})})
    journal.params({"seed": params.seed})
    journal.params({"architecture": config.architecture, "input": config.model.input})
    journal.params({"optimizer": asdict(recipe)["optimizer"]})
    journal.params({"network": config.model.model_dump()})
    # As trained: tuning may have set them, and the stage's own parameters say what params.yaml has.
    journal.params({"batch_size": recipe.learning.batch_size, "dropout": config.model.dropout})
    journal.params({"focal_gamma": recipe.learning.focal_gamma})

    def on_epoch(row: EpochRow) -> None:
        journal.metrics({"train.loss": row.train_loss, "val.loss": row.val_loss}, step=row.epoch)
        journal.metrics({"val.auc": row.val_auc, "val.accuracy": row.val_accuracy}, step=row.epoch)
        logger.info(
            "%s epoch %d/%d: training loss %.4f, validation loss %.4f, AUC %.3f, accuracy %.3f",
            *(name, row.epoch, recipe.epochs, row.train_loss),
            *(row.val_loss, row.val_auc, row.val_accuracy),
        )

    model, rows, checkpoint = learn(name, params, on_epoch)
    folder, metrics, curve = (
        places.model_folder(name),
        places.training_metrics(name),
        curve_of(name),
    )
    save_model(folder, model)
    write_json(metrics, summary(rows) | {"temperature": float(model.temperature)})
    curve.write(curve.frame(map(astuple, rows)))
    for output in (folder, metrics, curve.path):
        journal.digest(output)
    # Last, so that a stage killed while writing its outputs need not train again.
    checkpoint.delete()


def learn(
    name: str, params: Params, on_epoch: Callable[[EpochRow], None]
) -> tuple[Detector, list[EpochRow], Checkpoint]:
    """Train a network on the processes that torchrun started, or on this one alone."""
    recipe = recipe_of(name, *read_settings(places.TRAINING, params))
    device = set_up_compute(params.machine)
    data = data_for(recipe.config)
    with joined(device) as processes:
        settings = asdict(recipe) | {"config": recipe.config.model_dump()}
        settings |= {"learning": recipe.learning.model_dump(), "processes": processes.count}
        settings |= {"start_from": start_digest(recipe.start_from)}
        key = result_key(settings, data, device, code_digest(recipe.precision))
        checkpoint = Checkpoint(places.CHECKPOINTS / name, key)
        model, rows = train(recipe, data, processes, on_epoch, checkpoint)
    calibrate(model, data.val, data.frames_dir, device, recipe.learning.batch_size)
    return model, rows, checkpoint


def profile(name: str, params: Params) -> None:
    """Trace a few steps of the training and print where their time goes."""
    device = set_up_compute(params.machine)
    recipe = recipe_of(name, *read_settings(places.TRAINING, params))
    data = data_for(recipe.config)
    steps = training_steps(recipe, data, Processes(device))
    trace = places.PROFILES / f"train@{name}.json"
    print(profile_steps(steps, device, trace))
    logger.info("the trace is %s; open it at https://ui.perfetto.dev", trace)


def recipe_of(name: str, params: Params, found: Tuned) -> Recipe:
    """Return the training that ``name`` stands for under these parameters, after this study."""
    row = BY_NAME[name]
    network, tuned, start_from = network_of(params.model), PAPER, None
    if row.settings.input is not None:
        # The paper's input, and its CNN in front.
        network = network.model_copy(update={"input": row.settings.input, "encoder": "cnn"})
    if row.settings.optimizer is None:
        if params.train.optimizer == "tuned":
            tuned = found
        if params.train.start_from != "none":
            start_from = places.PRETRAINED / params.train.start_from / name
    config = model_config(row.network_class().architecture, tuned.network(network), params)
    how = params.train
    return Recipe(
        *(config, tuned.learning(params.learning), tuned.adam()),
        *(how.epochs, how.patience, params.seed),
        precision=params.learning.precision,
        start_from=start_from,
        judged_by=params.learning.focal_gamma,
    )


def start_digest(folder: Path | None) -> str | None:
    """Compute the sha256 of the weights that a training begins with, if there are any."""
    weights = None if folder is None else folder / WEIGHTS_FILE
    return sha256_file(weights) if weights is not None and weights.is_file() else None


def summary(rows: list[EpochRow]) -> dict[str, float]:
    """Return the epoch whose weights were kept, and how many epochs there were."""
    best = asdict(min(rows, key=lambda row: row.val_loss))
    chosen = {name: best[name] for name in ("val_loss", "val_auc", "val_accuracy")}
    return {"best_epoch": best["epoch"], "epochs_run": len(rows), **chosen}
