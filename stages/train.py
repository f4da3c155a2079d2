"""Stage train MODEL: one network of Table 2; writes its weights, metrics and learning curve."""

import argparse
import json
import logging
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from aislewatch.config import Architecture, Params
from aislewatch.errors import TrainingError
from aislewatch.files import whole_file, write_json
from aislewatch.models.build import model_config, save_model
from aislewatch.scoring import set_up_compute
from aislewatch.tracking.journal import Journal
from aislewatch.training.checkpoint import CHECKPOINTS, Checkpoint, result_key
from aislewatch.training.data import load_training_data
from aislewatch.training.loop import PAPER_ADAM, Adam, EpochRow, Recipe, train
from stages.runner import run_stage

SPLITS = Path("data/splits.parquet")
FRAMES = Path("data/frames")
BEST = Path("data/best.json")

# convlstm_paper is the paper's own configuration, one more row of the table: ConvLSTM, RGB input,
# the paper's Adam.
Name = Architecture | Literal["convlstm_paper"]
NAMES: tuple[Name, ...] = (*get_args(Architecture), "convlstm_paper")

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the stage for the network named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=NAMES)
    name = parser.parse_args().model
    run_stage(
        f"train@{name}",
        ["model", "learning", "compute", "train", "frames", "segment"],
        partial(work, name),
    )


def work(name: Name, params: Params, journal: Journal) -> None:
    """Train one network and write what it became."""
    device = set_up_compute(params.compute)
    data = load_training_data(SPLITS, FRAMES)
    recipe = recipe_of(name, params)
    config = recipe.config
    journal.params({"architecture": config.architecture, "input": config.model.input})
    journal.params({"optimizer": asdict(recipe.adam)})

    def on_epoch(row: EpochRow) -> None:
        journal.metrics({"train.loss": row.train_loss, "val.loss": row.val_loss}, step=row.epoch)
        journal.metrics({"val.auc": row.val_auc, "val.accuracy": row.val_accuracy}, step=row.epoch)
        logger.info(
            "%s epoch %d/%d: training loss %.4f, validation loss %.4f, AUC %.3f, accuracy %.3f",
            *(name, row.epoch, recipe.epochs, row.train_loss),
            *(row.val_loss, row.val_auc, row.val_accuracy),
        )

    settings = asdict(recipe) | {"config": config.model_dump()}
    settings |= {"learning": recipe.learning.model_dump()}
    checkpoint = Checkpoint(CHECKPOINTS / name, result_key(settings, data, device))
    model, rows = train(recipe, data, device, on_epoch, checkpoint)
    folder = Path("models") / name
    metrics = Path("metrics/train") / f"{name}.json"
    curve = Path("metrics/curves") / f"{name}.csv"
    save_model(folder, model)
    write_json(metrics, summary(rows))
    with whole_file(curve) as temporary:
        pd.DataFrame([asdict(row) for row in rows]).to_csv(temporary, index=False)
    for output in (folder, metrics, curve):
        journal.digest(output)
    # Last, so that a stage killed while writing its outputs need not train again.
    checkpoint.delete()


def recipe_of(name: Name, params: Params) -> Recipe:
    """What ``name`` means under these parameters."""
    architecture: Architecture
    if name == "convlstm_paper":
        architecture = "convlstm"
        model, adam = params.model.model_copy(update={"input": "rgb"}), PAPER_ADAM
    else:
        architecture, model = name, params.model
        adam = PAPER_ADAM if params.train.optimizer == "paper" else tuned_adam(BEST)
    config = model_config(architecture, model, params)
    how = params.train
    return Recipe(config, params.learning, adam, how.epochs, how.patience, how.seed)


def tuned_adam(best_file: Path) -> Adam:
    """Adam as the tune stage found it.

    Raises:
        TrainingError: its result is missing or corrupt.
    """
    try:
        best = json.loads(best_file.read_text())
        return Adam(*(float(best[name]) for name in ("lr", "beta1", "beta2", "eps")))
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{best_file} is missing or corrupt ({error!r}); run the tune stage again, or set "
            "train.optimizer to paper"
        ) from None


def summary(rows: list[EpochRow]) -> dict[str, float]:
    """The epoch whose weights were kept, and how many there were."""
    best = asdict(min(rows, key=lambda row: row.val_loss))
    chosen = {name: best[name] for name in ("val_loss", "val_auc", "val_accuracy")}
    return {"best_epoch": best["epoch"], "epochs_run": len(rows), **chosen}


if __name__ == "__main__":
    main()
