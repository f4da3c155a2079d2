"""What it costs that thefts are rare: the ConvLSTM on training clips of ever fewer thefts.

python -m research.imbalance PROJECT

PROJECT is one whose `dvc repro` ended. Its training clips are thinned to one theft in 50, 100 and
200, and learned by the stage's own training, with and without the paper's answers (oversampling and
focal loss); each network is scored on all test clips. Printed is a row a training, as Markdown.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from aislewatch.config.params import load_params
from aislewatch.models.scoring import clip_logits, set_up_compute
from aislewatch.tables import places
from aislewatch.tables.split import SPLITS
from aislewatch.train.data import TrainingData, data_for
from aislewatch.train.loop import Recipe, train
from aislewatch.train.processes import Processes
from aislewatch.train.stage import recipe_of
from aislewatch.train.tuned import read_settings

# Normal clips for one of a theft; None: as they are.
RATIOS = (None, 50, 100, 200)

# What is done about it: oversampling, and the focal loss's γ (0: plain cross-entropy).
WAYS = {
    "both": (True, 2.0),
    "oversampling": (True, 0.0),
    "focal": (False, 2.0),
    "none": (False, 0.0),
}

Row = tuple[str, str, int, int, float, float]


def thinned(clips: pd.DataFrame, ratio: int | None, seed: int) -> pd.DataFrame:
    """Keep all normal clips, and one theft for ``ratio`` of them, drawn at random.

    Where there are fewer thefts already, all are kept. Those of a larger ratio are among those of
    a smaller one.
    """
    if ratio is None:
        return clips
    thefts = clips.index[clips["label"] == 1]
    kept = np.random.default_rng(seed).permutation(thefts)[: (len(clips) - len(thefts)) // ratio]
    return clips[(clips["label"] == 0) | clips.index.isin(kept)].reset_index(drop=True)


def learned_by(recipe: Recipe, way: str) -> Recipe:
    """Return a recipe with one of ``WAYS``."""
    oversample, gamma = WAYS[way]
    changes = {"oversample": oversample, "focal_gamma": gamma}
    return replace(recipe, learning=recipe.learning.model_copy(update=changes))


def rows(ratios: Sequence[int | None] = RATIOS, ways: Sequence[str] = tuple(WAYS)) -> Iterator[Row]:
    """Yield ratio, way, thefts and normal clips learned from, test AUC and average precision."""
    params, found = read_settings(places.TRAINING, load_params())
    recipe = recipe_of("convlstm", params, found)
    device, data = set_up_compute(params.machine), data_for(recipe.config)
    clips = SPLITS.read(["frames_file", "start", "label", "split"])
    test = clips[clips["split"] == "test"].reset_index(drop=True)
    for ratio in ratios:
        learned_from = thinned(data.train, ratio, params.seed)
        counts = learned_from["label"].value_counts()
        for way in ways:
            few = TrainingData(learned_from, data.val, data.frames_dir)
            model, _ = train(learned_by(recipe, way), few, Processes(device), lambda row: None)
            logits_N = clip_logits(model, test, data.frames_dir, device, 32).numpy()
            auc = float(roc_auc_score(test["label"], logits_N))
            precision = float(average_precision_score(test["label"], logits_N))
            name = "as it is" if ratio is None else f"1 : {ratio}"
            yield name, way, int(counts[1]), int(counts[0]), auc, precision


def main(project: Path) -> None:
    """Print the table."""
    os.chdir(project)
    print(time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()))
    print("| thefts : normal | answered by | clips of thefts | normal | AUC | average precision |")
    print("|---|---|---|---|---|---|")
    for name, way, thefts, normal, auc, precision in rows():
        cells = [name, way, f"{thefts}", f"{normal}", f"{100 * auc:.1f}", f"{100 * precision:.1f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
