"""The trainings of research/accuracy.py, and in which order they become known."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from research import footage, pool, space
from research.engine import Job
from research.recipe import PAPER, POOLED, PRODUCT, Recipe
from research.select import FOLDS, PAIRS, inner_score, job_name

NETWORKS = ("convlstm", "cnn_lstm", "cnn", "lstm")
SEEDS = (0, 1, 2)
# The search, and what its choice is reported beside: all on the outer folds, none chosen from.
SEARCH = ("singles", "combinations", "final")
BESIDE = ("start", "curve", "elsewhere", "spoiled", "lengths", "paper", "product", "pooled")
STAGES = (*SEARCH, "alike", *BESIDE)
# Names of trainings on the outer folds.
CHOSEN, ALIKE, START, SPOILED = "chosen", "as the ConvLSTM", "start", "spoiled"
# Frames of a clip and footage frames between them: the paper's 16, and up to the 30 of the footage.
LENGTHS = ((16, 1), (24, 1), (30, 1))
# Shares of the recordings to learn from, for the learning curve; the search itself trains on three
# of four folds, which is its 0.75.
SHARES = (0.25, 0.5)


class Benchmark:
    """The footage, the results so far, and the machine."""

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

    def flows(
        self, networks: Sequence[str], stages: Sequence[str]
    ) -> list[Callable[[], list[Job] | None]]:
        """What can be trained side by side: each network's search, and every stage beside it."""
        searches = {network: [s for s in stages if s in SEARCH] for network in networks}
        if "convlstm" in searches and "alike" in stages:
            searches["convlstm"].append("alike")  # by what its search chose
        found = [self.flow(network, search) for network, search in searches.items()]
        return found + [self.flow("convlstm", [stage]) for stage in stages if stage in BESIDE]

    def flow(self, network: str, stages: Sequence[str]) -> Callable[[], list[Job] | None]:
        """Stages one after the other; those of the search for the network named."""
        left = list(stages)

        def following() -> list[Job] | None:
            if not left:
                return None
            stage = left.pop(0)
            jobs = getattr(self, stage)
            return list(jobs(network) if stage in SEARCH else jobs())

        return following

    def scores(self, network: str, outer: int, names: list[str]) -> dict[str, float]:
        """Inner validation scores of an outer fold."""
        return {
            name: inner_score(outer, network, name, 0, self.shelf.logits, self.data)
            for name in names
        }

    def singles(self, network: str) -> Iterator[Job]:
        """Every change by itself, on all pairs of folds."""
        for name, recipe in space.singles(network).items():
            for pair in PAIRS:
                yield self.job(recipe, name, pair, 0)

    def combined(self, network: str) -> Iterator[tuple[int, str, Recipe]]:
        """What each outer fold tries together."""
        names = list(space.singles(network))
        for outer in range(FOLDS):
            found = space.combinations(network, self.scores(network, outer, names))
            for name, recipe in found.items():
                yield outer, name, recipe

    def combinations(self, network: str) -> Iterator[Job]:
        """The same, as trainings; two outer folds that try the same share them."""
        seen = set()
        for outer, name, recipe in self.combined(network):
            for other in set(range(FOLDS)) - {outer}:
                pair = (min(outer, other), max(outer, other))
                if (name, pair) not in seen:
                    seen.add((name, pair))
                    yield self.job(recipe, name, pair, 0)

    def chosen(self, network: str) -> dict[int, tuple[str, Recipe]]:
        """Each outer fold's recipe: the best of its inner scores."""
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
        """The chosen recipes, on all that each outer fold may learn from, from every seed."""
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
        """A recipe on all that an outer fold may learn from; the weights of the first seed kept."""
        for seed in seeds:
            job = self.job(recipe, name, (outer,), seed)
            yield replace(job, keep_weights=keep_weights and seed == 0)

    def alike(self) -> Iterator[Job]:
        """The other networks by the recipe that the ConvLSTM chose."""
        for network in NETWORKS[1:]:
            for outer, (_, recipe) in self.chosen("convlstm").items():
                yield from self.outer_jobs(recipe.but(network=network), ALIKE, outer)

    def everywhere(
        self, recipe: Recipe, name: str, seeds: Sequence[int] = (0,), keep_weights: bool = False
    ) -> Iterator[Job]:
        """One recipe on every outer fold."""
        for outer in range(FOLDS):
            yield from self.outer_jobs(recipe, name, outer, seeds, keep_weights)

    def start(self) -> Iterator[Job]:
        """The recipe that the search began with."""
        return self.everywhere(Recipe(), START, keep_weights=True)

    def curve(self) -> Iterator[Job]:
        """That recipe on a share of the recordings: whether more footage would help.

        The batch shrinks with the share, so that every training takes as many steps.
        """
        for share in SHARES:
            recipe = Recipe(batch=round(share * Recipe().batch))
            for outer in range(FOLDS):
                for job in self.outer_jobs(recipe, share_name(share), outer, seeds=(0,)):
                    rows = self.data.some_recordings({outer}, share, job.seed)
                    yield replace(job, train=self.data.clips.of(rows))

    def elsewhere(self) -> Iterator[Job]:
        """That recipe learned from other footage, scored on all clips of this.

        ``cctv`` has 26 clips, so it gets batches of 4 for as many steps as the folds.
        """
        for name, clips, batch in (("cctv", self.cctv, 4), ("shop", self.shop, Recipe().batch)):
            for seed in SEEDS:
                named = job_name("convlstm", f"{name} alone", (), seed)
                yield Job(named, Recipe(batch=batch), clips, self.data.clips, seed)

    def pooled(self) -> Iterator[Job]:
        """The changes that were best over all folds."""
        return self.everywhere(POOLED, "pooled", SEEDS)

    def paper(self) -> Iterator[Job]:
        """The paper's configuration."""
        return self.everywhere(PAPER, "paper")

    def product(self) -> Iterator[Job]:
        """What the product's own training can do of it."""
        return self.everywhere(PRODUCT, "product", SEEDS, keep_weights=True)

    def spoiled(self) -> Iterator[Job]:
        """The first recipe with spoiled pictures among those it learns from."""
        return self.everywhere(Recipe(blur=0.5), SPOILED, keep_weights=True)

    def lengths(self) -> Iterator[Job]:
        """The first recipe with clips of 16, 24 and 30 frames."""
        for frames, step in LENGTHS:
            yield from self.everywhere(Recipe(frames=frames, step=step), f"{frames} frames")


def share_name(share: float) -> str:
    """The name of trainings on a share of the recordings."""
    return f"{share} of data"
