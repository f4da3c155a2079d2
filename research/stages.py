"""Lists the stages of research/accuracy.py: the search, and the trainings it is reported beside."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from research.plan import NETWORKS, SEEDS, Benchmark
from research.recipe import MIXED, PAPER, PLAIN, Recipe
from research.trainings import Job

# Names of trainings on the outer folds.
ALIKE, START = "as the ConvLSTM", "start"
# Frames of a clip and footage frames between them: the paper's 16, and up to the 30 of the footage.
LENGTHS = ((16, 1), (24, 1), (30, 1))
# Shares of the recordings to learn from, for the learning curve; the search itself trains on three
# of four folds, which is its 0.75.
SHARES = (0.25, 0.5)


def singles(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train every change by itself."""
    return plan.singles(network)


def combinations(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train the best changes together."""
    return plan.combinations(network)


def final(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train what each outer fold chose."""
    return plan.final(network)


def start(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train the recipe that the search begins with: fixed before any outer score is known."""
    return plan.everywhere(Recipe(network=network), START, SEEDS, keep_weights=True)


def mixed(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train the same with mixup and twice the epochs: what the notes of the first runs advise."""
    return plan.everywhere(MIXED.but(network=network), "mixed", SEEDS)


def plain(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train as the product did before it had the protocol's keys."""
    return plan.everywhere(PLAIN.but(network=network), "plain", SEEDS)


def alike(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train the other networks by the recipe that the ConvLSTM chose."""
    if network != NETWORKS[0]:
        for outer, (_, recipe) in plan.chosen(NETWORKS[0]).items():
            yield from plan.outer_jobs(recipe.but(network=network), ALIKE, outer)


def curve(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train the start on a share of the recordings: whether more footage would help.

    The batch shrinks with the share, so that every training takes as many steps.
    """
    for share in SHARES:
        recipe = Recipe(network=network, batch=round(share * Recipe().batch))
        for outer in range(5):
            for job in plan.outer_jobs(recipe, share_name(share), outer, seeds=(0,)):
                yield replace(job, train=plan.data.some_recordings({outer}, share, job.seed))


def lengths(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train the start with clips of 16, 24 and 30 frames."""
    for frames, step in LENGTHS:
        recipe = Recipe(network=network, frames=frames, step=step)
        yield from plan.everywhere(recipe, f"{frames} frames")


def paper(plan: Benchmark, network: str) -> Iterator[Job]:
    """Train the paper's configuration."""
    return plan.everywhere(PAPER.but(network=network), "paper")


def share_name(share: float) -> str:
    """Name the trainings on a share of the recordings."""
    return f"{share} of data"


# In the order in which they run: a stage may choose by what those before it gave.
STAGES: Mapping[str, Callable[[Benchmark, str], Iterator[Job]]] = {
    stage.__name__: stage
    for stage in (
        start, mixed, plain, singles, combinations, final, alike, curve, lengths, paper,
    )
}  # fmt: skip


def jobs(plan: Benchmark, stage: str, networks: Sequence[str]) -> list[Job]:
    """List a stage's trainings for these networks."""
    return [job for network in networks for job in STAGES[stage](plan, network)]
