"""What the demo's alerts are worth on other shops: `make demo` for each seed, the whole pipeline.

python -m benchmarks.synth.seeds --seeds 7 11 12 13 --folder FOLDER   eight minutes a seed

Each seed gets a clone of the last commit below FOLDER and keeps it, so that a run that was killed
goes on. Printed is a row a seed, as Markdown, then the mean of all but the first.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aislewatch.tables import places

ROOT = Path(__file__).parents[2]
SHOP = (places.RAW / "synthetic").as_posix()
HEADER = (
    "| seed | champion | events found | normal hours | false alarms | an hour | delay, median "
    "| within budget | wall |\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Outcome:
    """Holds what an operator sees of one shop: all of its test footage."""

    seed: int
    champion: str
    found: int
    events: int
    hours: float
    false_alarms: int
    delay_s: float | None
    within_budget: bool
    wall_s: float

    def row(self) -> str:
        """Write it as a row of the table."""
        delay = "–" if self.delay_s is None else f"{self.delay_s:.1f} s"
        return (
            f"| {self.seed} | {self.champion} | {self.found} of {self.events}: "
            f"{self.found / self.events:.0%} | {self.hours:.2f} | {self.false_alarms} "
            f"| {self.false_alarms / self.hours:.2f} | {delay} "
            f"| {'yes' if self.within_budget else 'no'} | {self.wall_s:.0f} s |"
        )


def outcome(seed: int, summary: dict[str, Any], wall_s: float) -> Outcome:
    """Read what the champion's alerts are worth from the content of ``metrics/evaluate.json``."""
    model = summary["models"][summary["selected"]]
    alerts = model["alerts"]
    return Outcome(
        seed,
        summary["selected"],
        alerts["events_found"],
        alerts["events"],
        alerts["normal_hours"],
        alerts["false_alarms"],
        alerts["delay_p50_s"],
        model["operating"]["within_budget"],
        wall_s,
    )


def demo(seed: int, folder: Path) -> Outcome:
    """Render the shop of ``seed`` in a clone at ``folder`` and run the pipeline there."""
    if not folder.exists():
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = os.environ | {"PATH": path, "PYTHONPATH": str(folder)}
    began = time.monotonic()
    for command in (["aislewatch", "synth", SHOP, "--seed", str(seed)], ["dvc", "repro"]):
        subprocess.run(command, cwd=folder, env=own, check=True)
    wall_s = time.monotonic() - began
    return outcome(seed, json.loads((folder / places.EVALUATION).read_text()), wall_s)


def main() -> None:
    """Run the demos one after the other; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 11, 12, 13])
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    outcomes = [demo(seed, chosen.folder.resolve() / f"seed-{seed}") for seed in chosen.seeds]
    print("\n".join([HEADER, *(one.row() for one in outcomes)]))
    if others := outcomes[1:]:
        recall = sum(one.found / one.events for one in others) / len(others)
        rate = sum(one.false_alarms for one in others) / sum(one.hours for one in others)
        print(f"mean of the others: {recall:.1%} of events, {rate:.2f} false alarms an hour")


if __name__ == "__main__":
    main()
