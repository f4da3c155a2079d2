"""Learn in one room and judge in others: MNNIT's clips, and those of other cameras.

python -m research.rooms PROJECT RESULTS [--device cpu] [--workers 2]

In PROJECT the stages ingest and track ran with people.detector: yolox on two sources: mnnit, the
footage of research.pack, and cctv, whose videos lie in class folders. Results are kept in RESULTS,
a file a training: what was stopped goes on.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.config.params import load_params
from aislewatch.frames.class_folders import camera_and_label
from aislewatch.models.people_form import read_people_form
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.people import TRACKED
from research.footage import FOLDS_FILE, Folded
from research.people import main_people
from research.plan import SEEDS
from research.recipe import MIXED
from research.report import FIGURES, figures, scored_table, shown
from research.trainings import Job, Machine, Shelf, run

# The protocol's `mixed` was fixed in MNNIT before any other room was looked at.
ROOMS = ("mnnit", "cctv")


def rooms(catalog: pd.DataFrame, tracked: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Return the main people of all videos as `research.footage.Folded` wants them.

    A room is a fold; recordings and contradictions are the committed ones, and another camera's
    video is a recording by itself. A video shorter than a clip is left out: it could only be called
    normal, unseen.
    """
    videos = main_people(catalog[catalog["n_frames"] >= MIXED.span], tracked)
    known = folds.set_index("path")
    labels = [camera_and_label(path)[1] for path in videos["path"]]
    return videos.assign(
        label=[int(label == "shoplifting") for label in labels],
        fold=[ROOMS.index(path.split("/")[0]) for path in videos["path"]],
        recording=videos["path"].map(known["recording"]).fillna(videos["path"]),
        contradicted=videos["path"].map(known["contradicted"]).eq(1),
    )


def jobs(data: Folded) -> list[Job]:
    """List a training a room and seed, scored on the other room."""
    fold = data.column("fold")
    return [
        Job(
            f"{name} {seed}",
            MIXED,
            data.train_rows({1 - room}),
            np.flatnonzero(fold != room),
            seed,
        )
        for room, name in enumerate(ROOMS)
        for seed in SEEDS
    ]


def main() -> None:
    """Train what is missing, and print a row a room."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    tables = [table.at(asked.project / table.path).read() for table in (CATALOG, TRACKED)]
    videos = rooms(*tables, pd.read_csv(FOLDS_FILE))
    form = read_people_form(asked.project / places.PEOPLE_FORM)
    data, shelf = Folded(videos, asked.project / places.FEATURES, form), Shelf(asked.results)
    todo = jobs(data)
    run(todo, data, shelf, Machine(asked.device, asked.workers, "float32"), math.inf)
    settings = load_params(Path(__file__).parents[1] / "params.yaml").evaluate
    print("| learned in | scored elsewhere | thefts | accuracy | all normal | AUC |")
    print("|---|---|---|---|---|---|")
    for name in ROOMS:
        own = [job for job in todo if job.name.startswith(f"{name} ")]
        found = [
            scored_table(videos.iloc[job.test], np.array(shelf.logits(job.name))) for job in own
        ]
        got, label = figures(found, settings), found[0]["label"]
        cells = [name, str(len(label)), str(label.sum()), shown(got[FIGURES[0]], settings)]
        cells += [f"{100 * (1 - label.mean()):.1f}", shown(got[FIGURES[1]], settings)]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
