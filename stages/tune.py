"""Stage tune: find Adam's settings for the ConvLSTM; writes data/best.json.

It runs before train, although the project's card lists it after, because train uses its result.
"""

from dataclasses import asdict
from pathlib import Path

from aislewatch.config import Params
from aislewatch.files import write_json
from aislewatch.models.build import model_config
from aislewatch.scoring import set_up_compute
from aislewatch.tracking.journal import Journal
from aislewatch.training.checkpoint import result_key
from aislewatch.training.data import load_training_data
from aislewatch.training.loop import Adam, Recipe
from aislewatch.tuning import tune
from stages.runner import run_stage

SPLITS = Path("data/splits.parquet")
FRAMES = Path("data/frames")
BEST = Path("data/best.json")
STUDIES = Path(".aislewatch")


def main() -> None:
    """Run the stage."""
    run_stage("tune", ["model", "learning", "compute", "tune", "frames", "segment"], work)


def work(params: Params, journal: Journal) -> None:
    """Run the study and write its best settings."""
    device = set_up_compute(params.compute)
    data = load_training_data(SPLITS, FRAMES)
    config = model_config("convlstm", params.model, params)

    def recipe_for(adam: Adam) -> Recipe:
        epochs = params.tune.epochs
        return Recipe(config, params.learning, adam, epochs, epochs, params.tune.seed)

    # Without the number of trials: a study that is asked for more goes on from where it was.
    settings = {
        "config": config.model_dump(),
        "learning": params.learning.model_dump(),
        "tune": params.tune.model_dump(exclude={"trials"}),
    }
    study_file = STUDIES / f"study-{result_key(settings, data, device)}.db"
    best = tune(params.tune, recipe_for, data, device, study_file, journal)
    write_json(BEST, asdict(best))
    journal.metrics({"best.val_loss": best.val_loss, "best.trial": best.trial})
    journal.digest(BEST)


if __name__ == "__main__":
    main()
