"""How scores of unseen MNNIT clips hold when the films get worse, through the product's own stages.

python -m research.robustness spoil CORPUS RAW [CONDITION ...]    a source a condition, below RAW
    (then `sources` of params.yaml lists them, and the stages ingest and track run)
python -m research.robustness score PROJECT FOLDER...             a line a condition and FOLDER
python -m research.robustness draw OUT.png SCORES.csv             the curves

PROJECT holds the spoiled films' frames and people. FOLDER is one of research/accuracy.py in which
`--stages start` kept a network an outer fold; of people where it has a form.json. Every network is
scored on its own unseen clips: nothing of a spoiled film is ever learned from.
"""

import argparse
import csv
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from aislewatch.models.build import Detector, load_model
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.people import TRACKED
from research.footage import Folded, read_folded
from research.pack import with_folds
from research.people import main_people
from research.select import FOLDS, job_name
from research.stages import START
from research.trainings import Shelf, video_logits

FILMED = "filmed"
# Limited-range luma of black, and colour of grey.
LUMA_BLACK, CHROMA_ZERO = 16, 128


@dataclass(frozen=True)
class Condition:
    """What is done to a film: its light, its size, then its compression (0 loses nothing)."""

    light: float = 1.0  # share of luma and colour that is left, in code values
    divisor: int = 1  # of the pixels a side
    rate_factor: int = 0  # of x264


CONDITIONS = {
    FILMED: Condition(),
    "light_50": Condition(light=0.5),
    "light_25": Condition(light=0.25),
    "light_10": Condition(light=0.1),
    "side_2": Condition(divisor=2),
    "side_4": Condition(divisor=4),
    "crf_41": Condition(rate_factor=41),
    "crf_49": Condition(rate_factor=49),
}
# The curves: title, then what stands from left to right.
AXES = {
    "light, % of what it was": (FILMED, "light_50", "light_25", "light_10"),
    "pixels a side, divided by": (FILMED, "side_2", "side_4"),
    "x264, rate factor": (FILMED, "crf_41", "crf_49"),
}


def spoil(corpus: Path, raw: Path, conditions: Sequence[str]) -> None:
    """Write every film of the room under every condition, in the same class folders."""
    films = sorted((corpus / "mnnit").glob("*/*"))
    jobs = [
        (film, raw / name / film.parent.name / f"{film.stem}.mkv", CONDITIONS[name])
        for name in conditions
        for film in films
    ]
    with ProcessPoolExecutor() as pool:
        list(pool.map(spoil_film, *zip(*jobs, strict=True), chunksize=8))


def spoil_film(film: Path, target: Path, condition: Condition) -> None:
    """Write one film under one condition, its pictures at their own times."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(film)) as before, av.open(str(target), "w") as after:
        filmed = before.streams.video[0]
        options = {"crf": str(condition.rate_factor), "threads": "1"}
        stream = after.add_stream("libx264", rate=filmed.average_rate, options=options)
        width, height = (
            size // condition.divisor // 2 * 2 for size in (filmed.width, filmed.height)
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in before.decode(filmed):
            scaled = frame.reformat(width, height, "yuv420p", interpolation="AREA")
            yuv_KW = scaled.to_ndarray().astype(np.float32)
            black = np.where(np.arange(len(yuv_KW)) < height, LUMA_BLACK, CHROMA_ZERO)[:, None]
            yuv_KW = black + (yuv_KW - black) * condition.light
            dark = av.VideoFrame.from_ndarray(yuv_KW.round().astype(np.uint8), "yuv420p")
            dark.pts, dark.time_base = frame.pts, frame.time_base
            after.mux(stream.encode(dark))
        after.mux(stream.encode(None))


def spoiled(project: Path, condition: str, folder: Path) -> Folded:
    """Return the videos of a condition with the folds of their originals.

    Args:
        project: with what the stages made of the spoiled films.
        condition: a source of it.
        folder: of the trainings; says whether people or whole pictures are shown.
    """
    learned = read_folded(folder, folder)
    catalog = CATALOG.at(project / CATALOG.path).read()
    catalog = catalog[catalog["source"] == condition]
    names = {Path(path).with_suffix(""): path for path in learned.videos["path"]}
    if learned.people is None:
        videos = catalog[["video", "frames_file", "n_frames"]].rename(columns={"video": "path"})
        videos.insert(2, "first", 0)
        frames_dir = project / places.FRAMES
    else:
        tracked = TRACKED.at(project / TRACKED.path).read()
        videos = main_people(catalog, tracked)
        frames_dir = project / places.FEATURES
    originals = [names[Path("mnnit", *Path(p).with_suffix("").parts[1:])] for p in videos["path"]]
    return Folded(with_folds(videos.assign(path=originals)), frames_dir, learned.people)


def networks(folder: Path) -> dict[int, Detector]:
    """Load the network of each outer fold."""
    shelf = Shelf(folder / "results")
    jobs = {fold: job_name("convlstm", START, (fold,), 0) for fold in range(FOLDS)}
    return {fold: load_model(shelf.network_folder(job)) for fold, job in jobs.items()}


def score(project: Path, folders: Sequence[Path]) -> None:
    """Print a line of CSV a condition and folder: accuracy, AUC, videos that show somebody."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print("condition,folder,accuracy,auc,shown", flush=True)
    found = {folder: {f: n.to(device) for f, n in networks(folder).items()} for folder in folders}
    there = set(CATALOG.at(project / CATALOG.path).read()["source"])
    for condition in [name for name in CONDITIONS if name in there]:
        for folder, by_fold in found.items():
            data = spoiled(project, condition, folder)
            fold, label = data.column("fold"), data.column("label")
            logits = np.full(len(fold), np.nan)
            for outer, network in by_fold.items():
                own = np.flatnonzero(fold == outer)
                logits[own] = video_logits(network, data, own, data.frames_dir, device)
            accuracy, auc = ((logits > 0) == (label > 0)).mean(), roc_auc_score(label, logits)
            shown = int(data.shows_somebody.sum())
            print(f"{condition},{folder.name},{accuracy:.4f},{auc:.4f},{shown}", flush=True)


def draw(picture: Path, scores: Path) -> None:
    """Draw AUC over severity, a panel a way to spoil; lines differ by dash and marker."""
    with scores.open() as file:
        rows = list(csv.DictReader(file))
    auc = pd.DataFrame(rows).pivot(index="condition", columns="folder", values="auc").astype(float)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = figure.subplots(1, len(AXES), sharey=True)
    for panel, (title, all_names) in zip(panels, AXES.items(), strict=True):
        names = [name for name in all_names if name in auc.index]
        for folder, style in zip(auc.columns, ("o-", "s--", "^:"), strict=False):
            panel.plot(100 * auc.loc[names, folder], style, color="black", label=folder)
        panel.set_xticks(range(len(names)), ["filmed", *(n.split("_")[1] for n in names[1:])])
        panel.set_xlabel(title)
        panel.grid(axis="y", color="0.9")
    panels[0].set_ylabel("ROC-AUC on unseen clips, %")
    panels[0].legend(frameon=False)
    figure.savefig(picture, dpi=110)


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked = parser.add_subparsers(dest="what", required=True)
    spoiling = asked.add_parser("spoil")
    spoiling.add_argument("corpus", type=Path)
    spoiling.add_argument("raw", type=Path)
    spoiling.add_argument("conditions", nargs="*", default=list(CONDITIONS), metavar="CONDITION")
    scoring = asked.add_parser("score")
    scoring.add_argument("project", type=Path)
    scoring.add_argument("folders", nargs="+", type=Path)
    drawing = asked.add_parser("draw")
    drawing.add_argument("picture", type=Path)
    drawing.add_argument("scores", type=Path)
    args = parser.parse_args()
    if args.what == "spoil":
        spoil(args.corpus, args.raw, args.conditions)
    elif args.what == "score":
        score(args.project, args.folders)
    else:
        draw(args.picture, args.scores)


if __name__ == "__main__":
    main()
