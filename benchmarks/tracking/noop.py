"""What a `dvc repro` with nothing to do costs, against the same DAG with empty commands.

python -m benchmarks.tracking.noop            in the project's root, after `make demo`

Two copies of the project, outputs linked: one as it is, one whose every `cmd` is `true`, with the
same dependencies, parameters and outputs. The aim: at most 0.2 s more.
"""

import argparse
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

from ruamel.yaml import YAML

from aislewatch.tables import places
from benchmarks.rounds import Cost, added, machine, measure, median, verdict, working_folder

# Seconds that our commands may add where there is nothing to do (issue 5).
LIMIT_S = 0.2
ROUNDS = 11

# What git ignores and DVC needs: outputs and footage.
DATA = (
    places.DATA,
    places.MODELS,
    places.METRICS,
    places.REPORTS,
    places.REGISTRATION,
)


def main() -> None:
    """Print the medians, their difference, and whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with working_folder() as folder:
        ours, empty = copy_project(folder / "ours"), copy_project(folder / "empty")
        empty_commands(empty)
        for copy in (ours, empty):
            # DVC takes what lies there for its stages' results, and links it as after a run.
            subprocess.run(["dvc", "commit", "-q", "-f"], cwd=copy, check=True)
        jobs = {name: partial(repro, copy) for name, copy in (("ours", ours), ("empty", empty))}
        for job in jobs.values():
            job()  # fills DVC's own caches
        costs: dict[str, list[Cost]] = {name: [] for name in jobs}
        for number in range(rounds):
            # Each is first in every other round: what comes second finds warm caches.
            for name in sorted(jobs, reverse=bool(number % 2)):
                costs[name].append(measure(jobs[name]))
    for name, of_job in costs.items():
        cost = median(of_job)
        print(f"dvc repro, {name}: {cost.wall_s:.3f} s wall, {cost.cpu_s:.3f} s CPU")
    more = added(costs["ours"], costs["empty"])
    print(f"more in the same round: {more.wall_s:+.3f} s wall, {more.cpu_s:+.3f} s CPU")
    print(f"medians of {rounds} interleaved rounds; {machine()}")
    print(verdict("seconds more than with empty commands", more.wall_s, LIMIT_S, most=True))


def copy_project(target: Path) -> Path:
    """The project around us as a repository of its own; data are hard links, the rest copies."""
    tracked = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, target / name)
    for name in DATA:
        for file in [Path(name)] if Path(name).is_file() else Path(name).rglob("*"):
            copy = target / file
            if file.is_file() and not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                os.link(file, copy)
    for command in ("init -q", "add -A", "commit -qm copy"):
        subprocess.run(["git", *command.split()], cwd=target, check=True)
    cache = Path(".dvc/cache").absolute()
    subprocess.run(["dvc", "cache", "dir", "-q", "--local", str(cache)], cwd=target, check=True)
    return target


def empty_commands(copy: Path) -> None:
    """Let every stage do nothing."""
    pipeline = copy / "dvc.yaml"
    values = YAML(typ="safe").load(pipeline)
    for stage in values["stages"].values():
        stage["cmd"] = "true"
    with pipeline.open("w") as file:
        YAML(typ="safe").dump(values, file)


def repro(copy: Path) -> None:
    """One `dvc repro`, which must find nothing to do."""
    done = subprocess.run(["dvc", "repro"], cwd=copy, check=True, capture_output=True, text=True)
    assert "Data and pipelines are up to date." in done.stdout + done.stderr, done.stdout


if __name__ == "__main__":
    main()
