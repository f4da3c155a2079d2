"""Lists the stages of research/accuracy.py: the search, and the trainings it is reported beside."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from research.engine import Job
from research.plan import NETWORKS, SEEDS, Benchmark
from research.recipe import PAPER, POOLED, PRODUCT, Recipe
from research.select import FOLDS, job_name

# Names of trainings on the outer folds.
ALIKE, START, SPOILED = "as the ConvLSTM", "start", "spoiled"
# Frames of a clip and footage frames between them: the paper's 16, and up to the 30 of the footage.
LENGTHS = ((16, 1), (24, 1), (30, 1))
# Shares of the recordings to learn from, for the learning curve; the search itself trains on three
# of four folds, which is its 0.75.
SHARES = (0.25, 0.5)


def alike(plan: Benchmark) -> Iterator[Job]:
    """Train the other networks by the recipe that the ConvLSTM chose."""
    for network in NETWORKS[1:]:
        for outer, (_, recipe) in plan.chosen("convlstm").items():
            yield from plan.outer_jobs(recipe.but(network=network), ALIKE, outer)


def start(plan: Benchmark) -> Iterator[Job]:
    """Train the recipe that the search began with."""
    return plan.everywhere(Recipe(), START, keep_weights=True)


def curve(plan: Benchmark) -> Iterator[Job]:
    """Train that recipe on a share of the recordings: whether more footage would help.

    The batch shrinks with the share, so that every training takes as many steps.
    """
    for share in SHARES:
        recipe = Recipe(batch=round(share * Recipe().batch))
        for outer in range(FOLDS):
            for job in plan.outer_jobs(recipe, share_name(share), outer, seeds=(0,)):
                rows = plan.data.some_recordings({outer}, share, job.seed)
                yield replace(job, train=plan.data.clips.of(rows))


def elsewhere(plan: Benchmark) -> Iterator[Job]:
    """Train that recipe on other footage, score it on all clips of this.

    ``cctv`` has 26 clips, so it gets batches of 4 for as many steps as the folds.
    """
    for name, clips, batch in (("cctv", plan.cctv, 4), ("shop", plan.shop, Recipe().batch)):
        for seed in SEEDS:
            named = job_name("convlstm", f"{name} alone", (), seed)
            yield Job(named, Recipe(batch=batch), clips, plan.data.clips, seed)


def pooled(plan: Benchmark) -> Iterator[Job]:
    """Train the changes that were best over all folds."""
    return plan.everywhere(POOLED, "pooled", SEEDS)


def paper(plan: Benchmark) -> Iterator[Job]:
    """Train the paper's configuration."""
    return plan.everywhere(PAPER, "paper")


def product(plan: Benchmark) -> Iterator[Job]:
    """Train what the product can do of the paper's configuration."""
    return plan.everywhere(PRODUCT, "product", SEEDS, keep_weights=True)


def spoiled(plan: Benchmark) -> Iterator[Job]:
    """Train the first recipe with spoiled pictures among those it learns from."""
    return plan.everywhere(Recipe(blur=0.5), SPOILED, keep_weights=True)


def lengths(plan: Benchmark) -> Iterator[Job]:
    """Train the first recipe with clips of 16, 24 and 30 frames."""
    for frames, step in LENGTHS:
        yield from plan.everywhere(Recipe(frames=frames, step=step), f"{frames} frames")


def share_name(share: float) -> str:
    """Name the trainings on a share of the recordings."""
    return f"{share} of data"


# All on the outer folds; none is chosen from.
BESIDE = {
    stage.__name__: stage
    for stage in (start, curve, elsewhere, spoiled, lengths, paper, product, pooled)
}
SEARCH = {
    "singles": Benchmark.singles,
    "combinations": Benchmark.combinations,
    "final": Benchmark.final,
}
STAGES = (*SEARCH, "alike", *BESIDE)


def flows(
    plan: Benchmark, networks: Sequence[str], stages: Sequence[str]
) -> list[Callable[[], list[Job] | None]]:
    """List what can be trained side by side: each network's search, and every stage beside it."""
    searches = {network: [s for s in stages if s in SEARCH] for network in networks}
    if "convlstm" in searches and "alike" in stages:
        searches["convlstm"].append("alike")  # by what its search chose
    found = [flow(plan, network, search) for network, search in searches.items()]
    return found + [flow(plan, "convlstm", [stage]) for stage in stages if stage in BESIDE]


def flow(plan: Benchmark, network: str, stages: Sequence[str]) -> Callable[[], list[Job] | None]:
    """Run stages one after the other; those of the search for the network named."""
    left = list(stages)

    def following() -> list[Job] | None:
        if not left:
            return None
        stage = left.pop(0)
        if stage in SEARCH:
            return list(SEARCH[stage](plan, network))
        return list(alike(plan) if stage == "alike" else BESIDE[stage](plan))

    return following
