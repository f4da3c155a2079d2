"""Plans the search of research/accuracy.py: what is trained, scored and chosen."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from research import footage, pool, space
from research.engine import Job
from research.recipe import Recipe
from research.select import FOLDS, PAIRS, inner_score, job_name

NETWORKS = ("convlstm", "cnn_lstm", "cnn", "lstm")
SEEDS = (0, 1, 2)
# Name of the chosen recipes' trainings on the outer folds.
CHOSEN = "chosen"


class Benchmark:
    """Holds the footage and the results so far, and says what to train next."""

    def __init__(self, folder: Path) -> None:
        real = footage.unpack(folder / "mnnit")
        shop, cctv = footage.unpack(folder / "shop"), footage.unpack(folder / "cctv")
        events = json.loads((folder / "shop_events.json").read_text())
        self.data = footage.mnnit(real)
        self.shop = footage.shop(shop, events, len(real.frames))
        self.cctv = footage.cctv(cctv, len(real.frames) + len(shop.frames))
        self.frames_file = Path(tempfile.mkdtemp()) / "frames.npy"
        np.save(self.frames_file, np.concatenate([real.frames, shop.frames, cctv.frames]))
        self.shelf = pool.Shelf(folder / "results")

    def job(self, recipe: Recipe, name: str, held_out: tuple[int, ...], seed: int) -> Job:
        """Train outside ``held_out``, score inside."""
        rows = self.data.train_rows(set(held_out))
        test = np.flatnonzero(np.isin(self.data.fold, held_out))
        return Job(
            job_name(recipe.network, name, held_out, seed),
            recipe,
            self.data.clips.of(rows),
            self.data.clips.of(test),
            seed,
            self.shop if recipe.before == "shop" else None,
        )

    def scores(self, network: str, outer: int, names: list[str]) -> dict[str, float]:
        """Return the inner validation scores of an outer fold."""
        return {
            name: inner_score(outer, network, name, 0, self.shelf.logits, self.data)
            for name in names
        }

    def singles(self, network: str) -> Iterator[Job]:
        """Train every change by itself, on all pairs of folds."""
        for name, recipe in space.singles(network).items():
            for pair in PAIRS:
                yield self.job(recipe, name, pair, 0)

    def combined(self, network: str) -> Iterator[tuple[int, str, Recipe]]:
        """List what each outer fold tries together."""
        names = list(space.singles(network))
        for outer in range(FOLDS):
            found = space.combinations(network, self.scores(network, outer, names))
            for name, recipe in found.items():
                yield outer, name, recipe

    def combinations(self, network: str) -> Iterator[Job]:
        """Train the same; two outer folds that try the same share them."""
        seen = set()
        for outer, name, recipe in self.combined(network):
            for other in set(range(FOLDS)) - {outer}:
                pair = (min(outer, other), max(outer, other))
                if (name, pair) not in seen:
                    seen.add((name, pair))
                    yield self.job(recipe, name, pair, 0)

    def chosen(self, network: str) -> dict[int, tuple[str, Recipe]]:
        """Choose each outer fold's recipe: the best of its inner scores."""
        recipes = space.singles(network)
        names = {outer: list(recipes) for outer in range(FOLDS)}
        for outer, name, recipe in self.combined(network):
            names[outer].append(name)
            recipes[name] = recipe
        best = {}
        for outer in range(FOLDS):
            scores = self.scores(network, outer, names[outer])
            name = max(scores, key=lambda name: scores[name])
            best[outer] = name, recipes[name]
        return best

    def final(self, network: str) -> Iterator[Job]:
        """Train the chosen recipes, on all that each outer fold may learn from, from every seed."""
        for outer, (_, recipe) in self.chosen(network).items():
            yield from self.outer_jobs(recipe, CHOSEN, outer, keep_weights=True)

    def outer_jobs(
        self,
        recipe: Recipe,
        name: str,
        outer: int,
        seeds: Sequence[int] = SEEDS,
        keep_weights: bool = False,
    ) -> Iterator[Job]:
        """Train a recipe on all that an outer fold may learn from; may keep weights."""
        for seed in seeds:
            job = self.job(recipe, name, (outer,), seed)
            yield replace(job, keep_weights=keep_weights and seed == 0)

    def everywhere(
        self, recipe: Recipe, name: str, seeds: Sequence[int] = (0,), keep_weights: bool = False
    ) -> Iterator[Job]:
        """Train one recipe on every outer fold."""
        for outer in range(FOLDS):
            yield from self.outer_jobs(recipe, name, outer, seeds, keep_weights)
