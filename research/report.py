"""The table of research/accuracy.py: outer folds, every seed, intervals by recording.

python -m research.report FOLDER [RESULTS [TRIED.csv]]     RESULTS: FOLDER/results
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislewatch.config.judging import Evaluate
from aislewatch.config.params import load_params
from aislewatch.evaluate.intervals import Resampled, interval, resampled_metrics
from research.footage import read_folded
from research.plan import CHOSEN, NETWORKS, SEEDS, Benchmark
from research.select import FOLDS, PAIRS, job_name
from research.stages import ALIKE, SHARES, START, share_name
from research.trainings import Shelf

FIGURES = ("accuracy", "auc")
# Recipes that were fixed before any outer score was known, in the order of the table.
FIXED = (START, "mixed", "plain", "16 frames", "24 frames", "30 frames", "paper")


def prediction(
    benchmark: Benchmark, network: str, name: str, seed: int, also: int = 0
) -> pd.DataFrame | None:
    """Each clip scored by a network that never saw its recording; None where one is missing.

    Args:
        benchmark: with the results.
        network: of the trainings.
        name: of the trainings.
        seed: of the trainings.
        also: they were held a second fold back, so many further on than the one scored.
    """
    fold = benchmark.data.column("fold")
    logits = np.full(len(fold), np.nan)
    for outer in range(FOLDS):
        held_out = tuple(sorted({outer, (outer + also) % FOLDS}))
        result = benchmark.shelf.logits(job_name(network, name, held_out, seed))
        if result is None:
            return None
        logits[fold == outer] = result[fold[np.isin(fold, held_out)] == outer]
    return scored_table(benchmark.data.videos, logits)


def scored_table(videos: pd.DataFrame, logits_N: NDArray[np.float64]) -> pd.DataFrame:
    """Return the videos as the product's evaluation wants clips."""
    columns = {"video": videos["recording"], "group": videos["recording"]}
    scores_N = 1 / (1 + np.exp(-logits_N))
    return pd.DataFrame(columns | {"label": videos["label"].astype(int), "score": scores_N})


def predictions(benchmark: Benchmark, network: str, name: str) -> list[pd.DataFrame]:
    """A table a seed."""
    found = [prediction(benchmark, network, name, seed) for seed in SEEDS]
    return [table for table in found if table is not None]


def figures(tables: Sequence[pd.DataFrame], settings: Evaluate) -> dict[str, Resampled]:
    """Accuracy and AUC, each the mean over seeds, with what they are under every resample."""
    seeds = [resampled_metrics(table, settings) for table in tables]
    return {
        name: Resampled(
            float(np.mean([seed[name].value for seed in seeds])),
            np.mean([seed[name].draws for seed in seeds], axis=0),
            np.mean([seed[name].left_out for seed in seeds], axis=0),
        )
        for name in FIGURES
    }


def shown(figure: Resampled, settings: Evaluate) -> str:
    """In per cent, with the interval."""
    found = interval(figure, settings.confidence)
    return f"{100 * found.value:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def main(folder: Path, *also: Path) -> None:
    """Print markdown: the networks and the leads, then every configuration tried.

    Args:
        folder: of research/accuracy.py.
        also: where its results are, if elsewhere; then a file for the table of what was tried.
    """
    results, file = [*also, None, None][:2]
    benchmark = Benchmark(read_folded(folder), Shelf(results or folder / "results"))
    settings = load_params(Path(__file__).parents[1] / "params.yaml").evaluate
    rows = [(network, name) for name in (CHOSEN, ALIKE, *FIXED) for network in NETWORKS]
    tables = {row: found for row in rows if (found := predictions(benchmark, *row))}
    leader = next(iter(tables))
    print(f"{len(benchmark.shelf.results)} trainings; the leads are those of {', '.join(leader)}\n")
    print("| network | trainings | accuracy | by seed | AUC | lead in accuracy | lead in AUC |")
    print("|---|---|---|---|---|---|---|")
    for row, found in tables.items():
        print(f"| {', '.join(row)} | {table_row(found, tables[leader], settings)} |")
    curve(benchmark, settings)
    listed(benchmark, file)


def table_row(
    found: Sequence[pd.DataFrame], leader: Sequence[pd.DataFrame], settings: Evaluate
) -> str:
    """Return the cells of one network and recipe; its leads are paired by recording."""
    own, first = figures(found, settings), figures(leader, settings)
    calls = [((table["score"] > 0.5) == (table["label"] > 0)).mean() for table in found]
    cells = [str(FOLDS * len(found)), shown(own["accuracy"], settings)]
    cells += [" ".join(f"{100 * call:.1f}" for call in calls), shown(own["auc"], settings)]
    cells += [shown(first[f] - own[f], settings) if found is not leader else "" for f in FIGURES]
    return " | ".join(cells)


def curve(benchmark: Benchmark, settings: Evaluate) -> None:
    """The start recipe on shares of the recordings that each outer fold may learn from."""
    points = {share: predictions(benchmark, "convlstm", share_name(share)) for share in SHARES}
    # The search's own trainings held a second fold back.
    inner = [prediction(benchmark, "convlstm", START, 0, also) for also in range(1, FOLDS)]
    points[0.75] = [table for table in inner if table is not None]
    points[1.0] = predictions(benchmark, "convlstm", START)
    print("\n| share of the recordings | trainings a fold | accuracy | AUC |\n|---|---|---|---|")
    for share, tables in points.items():
        print_row(f"{share:.0%}", tables, settings)


def print_row(name: str, tables: Sequence[pd.DataFrame], settings: Evaluate) -> None:
    """How many trainings there are and their figures; nothing where there is none."""
    if tables:
        own = figures(tables, settings)
        cells = [shown(own[figure], settings) for figure in FIGURES]
        print(f"| {name} | {len(tables)} | {' | '.join(cells)} |")


def listed(benchmark: Benchmark, file: Path | None) -> None:
    """Print every configuration that was tried, with its inner validation; the table to a file."""
    table = tried(benchmark)
    if table.empty:
        return
    if file:
        table.to_csv(file, index=False, float_format="%.4f")
    means = 100 * table.filter(like="inner_auc").mean(axis=1)
    print("\n| tried | inner AUC, mean of the outer folds |\n|---|---|")
    for network, recipe, mean in zip(table["network"], table["recipe"], means, strict=True):
        print(f"| {network}, {recipe} | {mean:.1f} |")
    for network in table["network"].unique():
        for outer, (name, _) in benchmark.chosen(network).items():
            print(f"{network}, outer fold {outer} chose: {name}")


def tried(benchmark: Benchmark) -> pd.DataFrame:
    """A row a network and recipe: how many changes, and what it was worth to each outer fold."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for network in NETWORKS:
        names = list(benchmark.recipes(network))
        if job_name(network, names[-1], PAIRS[-1], 0) not in benchmark.shelf.results:
            continue  # its search was not run to its end
        asked = [(outer, name) for outer in range(FOLDS) for name in names]
        asked += [(outer, name) for outer, name, _ in benchmark.combined(network)]
        for outer, name in asked:
            score = benchmark.scores(network, outer, [name])[name]
            found.setdefault((network, name), {})[outer] = score
    rows = [
        {"network": network, "recipe": name, "changes": len(name.split(" + ")) * (name != START)}
        | {f"inner_auc_{outer}": scores.get(outer) for outer in range(FOLDS)}
        for (network, name), scores in found.items()
    ]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
