"""What a journal and its recorder add to a stage, against the same stage without them.

python -m benchmarks.tracking.journalling     in the project's root, after `make demo`

The stages are the product's own, started by hand, so that each brings a recorder of its own; within
`dvc repro` all stages share one. "Without" is a journal that writes nothing, put in the stage's
place here. Rounds are interleaved, and each waits for the recorder of the one before. The aims: at
most 10 % of a stage that takes 30 s, at most 2 s of a short one (issue 5).
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.rounds import Cost, added, machine, measure, median, verdict

LONG_SHARE = 0.10
SHORT_S = 2.0
ROUNDS = 5

# The child's program: the stage named in its arguments, with or without a journal.
CHILD = "import benchmarks.tracking.journalling as b; b.run_stage_here()"


class Silence:
    """A journal that keeps nothing."""

    def nothing(self, *words: object, **more: object) -> None:
        """Take what a journal is told."""

    params = metrics = tags = artifact = digest = nothing

    @contextmanager
    def child(self, *words: object) -> Iterator["Silence"]:
        """A run inside it."""
        yield self


@contextmanager
def silent_run(address: str, params: Mapping[str, Any]) -> Iterator[Silence]:
    """In the place of ``stage_run``."""
    yield Silence()


def run_stage_here() -> None:
    """Run the stage as `python -m` would; ``off`` first among the arguments takes its journal."""
    mode, module, *arguments = sys.argv[1:]
    import stages.runner

    if mode == "off":
        stages.runner.stage_run = silent_run  # type: ignore[assignment]
    sys.argv = [module, *arguments]
    __import__(module, fromlist=["main"]).main()


def main() -> None:
    """Print walls, CPU and recorder of both kinds of run, and whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", default="stages.train convlstm", help="a stage of about 30 s")
    parser.add_argument("--short", default="stages.segment", help="a short stage")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    for name, stage in (("long", chosen.long), ("short", chosen.short)):
        costs, recorders = interleaved(stage.split(), chosen.rounds)
        on, off = median(costs["on"]), median(costs["off"])
        more = added(costs["on"], costs["off"])
        print(f"{name}: {stage}")
        print(f"  with a journal    {on.wall_s:6.2f} s wall, {on.cpu_s:6.2f} s CPU")
        print(f"  without           {off.wall_s:6.2f} s wall, {off.cpu_s:6.2f} s CPU")
        print(f"  more by round     {more.wall_s:+6.2f} s wall, {more.cpu_s:+6.2f} s CPU (median)")
        pairs = zip(costs["on"], costs["off"], strict=True)
        rounds = " ".join(f"{a.wall_s - b.wall_s:+.1f}" for a, b in pairs)
        print(f"  its rounds        {rounds} s wall")
        recorder = statistics.median(recorders)
        print(f"  its recorder, nice 10, beside and after it: {recorder:.2f} s CPU")
        if name == "long":
            share = more.wall_s / off.wall_s
            print(verdict("share added to the long stage", share, LONG_SHARE, most=True))
        else:
            print(verdict("seconds added to the short stage", more.wall_s, SHORT_S, most=True))
    print(f"medians of {chosen.rounds} interleaved rounds; {machine()}")


def interleaved(stage: list[str], rounds: int) -> tuple[dict[str, list[Cost]], list[float]]:
    """Cost of the stage with and without a journal by round, and the recorders' CPU seconds."""
    costs: dict[str, list[Cost]] = {"on": [], "off": []}
    recorders = []
    for number in range(rounds):
        for mode in ("on", "off") if number % 2 else ("off", "on"):
            costs[mode].append(
                measure(partial(_quietly, [sys.executable, "-c", CHILD, mode, *stage]))
            )
            if mode == "on":
                recorders.append(recorder_cpu_s())
    return costs, recorders


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def recorder_cpu_s() -> float:
    """Wait until the recorder of this project has ended; the CPU seconds it had taken by then."""
    used = 0.0
    while found := [p for p in psutil.process_iter(["cmdline", "cwd"]) if _is_ours(p)]:
        for process in found:
            try:
                used = max(used, sum(process.cpu_times()[:2]))
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)
    return used


def _is_ours(process: psutil.Process) -> bool:
    words = process.info["cmdline"] or []
    return "aislewatch.recording.recorder" in words and process.info["cwd"] == str(Path.cwd())


if __name__ == "__main__":
    main()
