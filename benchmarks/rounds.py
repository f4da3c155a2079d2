"""Rivals measured by turns, so that a busy moment of a shared machine meets them all."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds a job took: on the clock, and of all processors.

    ``cpu_s`` counts this process and those of its children that it has waited for.
    """

    wall_s: float
    cpu_s: float


def measure(job: Callable[[], object]) -> Cost:
    """Run a job once."""
    before, began = _cpu_s(), time.perf_counter()
    job()
    return Cost(time.perf_counter() - began, _cpu_s() - before)


def _cpu_s() -> float:
    # os.times counts in ticks of 10 ms: coarse for this process, and all there is of its children.
    return time.process_time() + sum(os.times()[2:4])


def medians(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Cost]:
    """Median cost of every job; each runs once in every round, in the order given."""
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            costs[name].append(measure(job))
    return {name: median(of_job) for name, of_job in costs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """Median of each figure by itself."""
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
    )


def added(ours: Sequence[Cost], rival: Sequence[Cost]) -> Cost:
    """Median over the rounds of what ours took more than the rival in the same round."""
    pairs = list(zip(ours, rival, strict=True))
    return median([Cost(a.wall_s - b.wall_s, a.cpu_s - b.cpu_s) for a, b in pairs])


def machine() -> str:
    """The number of cores and how busy they are."""
    load, _, _ = os.getloadavg()
    return f"{len(os.sched_getaffinity(0))} cores, load {load:.1f}"


def verdict(name: str, ratio: float, limit: float, most: bool = False) -> str:
    """A line that states a ratio, its limit (``most``: from above), and whether it holds."""
    held = ratio <= limit if most else ratio >= limit
    return f"{name}: {ratio:.3g} ({'≤' if most else '≥'} {limit:g}: {'held' if held else 'MISSED'})"


@contextmanager
def working_folder() -> Iterator[Path]:
    """A folder for the measurement, beside the private store: /tmp may be memory."""
    home = Path(".aislewatch")
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=home) as name:
        yield Path(name).absolute()
