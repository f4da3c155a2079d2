"""Plans the search of research/accuracy.py: what is trained, scored and chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from research import space
from research.footage import Folded
from research.recipe import Recipe
from research.select import FOLDS, PAIRS, inner_score, job_name
from research.trainings import Job, Shelf

NETWORKS = ("convlstm", "cnn_lstm", "cnn", "lstm")
SEEDS = (0, 1, 2)
# Name of the chosen recipes' trainings on the outer folds.
CHOSEN = "chosen"


class Benchmark:
    """Holds the footage and the results so far, and says what to train next."""

    def __init__(self, data: Folded, shelf: Shelf) -> None:
        self.data, self.shelf = data, shelf

    def job(self, recipe: Recipe, name: str, held_out: tuple[int, ...], seed: int) -> Job:
        """Train outside ``held_out``, score inside."""
        return Job(
            job_name(recipe.network, name, held_out, seed),
            recipe,
            self.data.train_rows(set(held_out)),
            np.flatnonzero(np.isin(self.data.column("fold"), held_out)),
            seed,
        )

    def scores(self, network: str, outer: int, names: list[str]) -> dict[str, float]:
        """Return the inner validation scores of an outer fold."""
        return {name: inner_score(outer, network, name, 0, self.shelf, self.data) for name in names}

    def recipes(self, network: str) -> dict[str, Recipe]:
        """Return every recipe with one change, as far as this input has what is changed."""
        return space.singles(network, features=self.data.people is not None)

    def singles(self, network: str) -> Iterator[Job]:
        """Train every change by itself, on all pairs of folds."""
        for name, recipe in self.recipes(network).items():
            for pair in PAIRS:
                yield self.job(recipe, name, pair, 0)

    def combined(self, network: str) -> Iterator[tuple[int, str, Recipe]]:
        """List what each outer fold tries together."""
        names = list(self.recipes(network))
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
        recipes = self.recipes(network)
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
        """Train a recipe on all that an outer fold may learn from; may keep the first network."""
        for seed in seeds:
            job = self.job(recipe, name, (outer,), seed)
            yield replace(job, keep_weights=keep_weights and seed == 0)

    def everywhere(
        self, recipe: Recipe, name: str, seeds: Sequence[int] = (0,), keep_weights: bool = False
    ) -> Iterator[Job]:
        """Train one recipe on every outer fold."""
        for outer in range(FOLDS):
            yield from self.outer_jobs(recipe, name, outer, seeds, keep_weights)
