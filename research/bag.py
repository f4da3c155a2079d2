"""How much of what a network says is the bag: its AUC among clips with alike backpack scores.

python -m research.bag CORPUS WEIGHTS FOLDER...

CORPUS has the room's films as research/pack.py reads them, WEIGHTS is the person detector, which
knows backpacks, too, and each FOLDER is one of research/accuracy.py with the trainings `start`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from aislewatch.people.graphs import PADDING, open_session
from research.footage import read_folded
from research.plan import Benchmark
from research.report import predictions
from research.stages import START
from research.trainings import Shelf

# Where a row of the detector's output says "an object", and "a backpack" among COCO's classes.
OBJECT, BACKPACK = 4, 5 + 24
# Every third of 10 frames a second: a bag is there for longer.
EVERY = 3
PARTS = ("low", "middle", "high")


def backpack_score(film: Path, weights: Path) -> float:
    """Return the highest score, 0 to 1, of a backpack in any looked-at picture of a film."""
    session = open_session(weights)
    [image] = session.get_inputs()
    side, best = image.shape[2], 0.0
    with av.open(str(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % EVERY:
                continue
            share = side / max(frame.width, frame.height)
            size = int(frame.width * share), int(frame.height * share)
            bgr_YXC = frame.reformat(*size, "bgr24", interpolation="AREA").to_ndarray()
            x_CYX = np.full((3, side, side), PADDING, np.float32)
            x_CYX[:, : size[1], : size[0]] = bgr_YXC.transpose(2, 0, 1)
            [found_BAC] = session.run(None, {image.name: x_CYX[None]})
            best = max(best, float((found_BAC[0, :, OBJECT] * found_BAC[0, :, BACKPACK]).max()))
    return best


def table(
    label_N: NDArray[np.int64], bag_N: NDArray[np.float64], scores: Sequence[NDArray[np.float64]]
) -> dict[str, float]:
    """Return AUCs in per cent, mean of the seeds: of all clips, and of each third by the bag.

    Args:
        label_N: 1 where there is a theft.
        bag_N: backpack scores.
        scores: of a seed each, (N,).
    """
    third_N = pd.qcut(pd.Series(bag_N).rank(method="first"), len(PARTS), labels=False).to_numpy()
    row = {"all": np.mean([roc_auc_score(label_N, score_N) for score_N in scores])}
    for number, name in enumerate(PARTS):
        own = third_N == number
        row[name] = np.mean([roc_auc_score(label_N[own], score_N[own]) for score_N in scores])
        row[f"{name}, thefts"] = label_N[own].mean()
    ranks = [spearmanr(bag_N, score_N).statistic for score_N in scores]
    row["rank correlation with the bag"] = np.mean(ranks)
    return {name: round(100 * float(value), 1) for name, value in row.items()}


def main(corpus: Path, weights: Path, folders: list[Path]) -> None:
    """Print the bag's own AUC, then a row a folder."""
    data = read_folded(folders[0], folders[0])
    films = track(data.videos["path"].tolist(), "backpacks")
    bag_N = np.array([backpack_score(corpus / film, weights) for film in films])
    print(f"the bag alone: AUC {100 * roc_auc_score(data.column('label'), bag_N):.1f}")
    for folder in folders:
        data = read_folded(folder, folder)
        found = predictions(Benchmark(data, Shelf(folder / "results")), "convlstm", START)
        scores = [prediction["score"].to_numpy() for prediction in found]
        print(f"{folder.name}: {table(data.column('label'), bag_N, scores)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(folder) for folder in sys.argv[3:]])
