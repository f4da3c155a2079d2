"""Thousands of broken and hostile files through ingest: ``python -m tests.fuzz.fuzz_footage``.

Each must be accepted or quarantined with a reason: no exception, no hang, no connection, nothing
read outside the source folder, memory within the limit. Every case has a number, by which
``--only`` makes it again. The exit status is 1 after any violation.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.cases import all_cases
from tests.fuzz.seeds import make_seeds
from tests.fuzz.trial import FUZZ_LIMITS, Outcome, open_trial

# Files that lie on the disk at once.
BATCH = 200

# MiB that the interpreter and libav take before they decode; a child's limit comes on top.
INTERPRETER_MIB = 250


def main() -> int:
    """Run, print the table, and say whether anything was violated."""
    parser = argparse.ArgumentParser(description="broken and hostile files through ingest")
    parser.add_argument("--files", type=int, default=10_000, help="mutants to make")
    parser.add_argument("--only", help="number of the one case to run, as mutant:17")
    chosen = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        seeds_folder = Path(folder, "seeds")
        seeds_folder.mkdir()
        seeds = make_seeds(seeds_folder)
        cases = list(all_cases(chosen.files, seeds))
        if chosen.only:
            cases = [case for case in cases if case.number == chosen.only]
        outcomes: list[Outcome] = []
        with open_trial(Path(folder, "trial")) as trial:
            for first in range(0, len(cases), BATCH):
                outcomes += trial.judge(cases[first : first + BATCH], seeds)
                print(f"{len(outcomes)} of {len(cases)}", file=sys.stderr, flush=True)
    return report(outcomes, time.monotonic() - start)


def report(outcomes: Sequence[Outcome], seconds: float) -> int:
    """Print what happened; the exit status."""
    kinds = dict.fromkeys(outcome.case.kind for outcome in outcomes)
    reasons = Counter(outcome.reason for outcome in outcomes)
    columns = [reason for reason, _ in reasons.most_common()]
    print("| kind | files | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * (len(columns) + 1))
    for kind in [*kinds, "all"]:
        found = Counter(o.reason for o in outcomes if kind in (o.case.kind, "all"))
        cells = [str(found[reason] or "") for reason in columns]
        print(f"| {kind} | {found.total()} | " + " | ".join(cells) + " |")
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nslowest: {slowest.case.number}, {slowest.seconds:.1f} s, {slowest.reason}")
    print(f"largest process: {peak_mib:.0f} MiB")
    print(f"{len(outcomes) / seconds:.0f} files/s, {seconds:.0f} s in all")
    violations = [f"{o.case.number}: {words}" for o in outcomes for words in o.violations]
    if peak_mib > FUZZ_LIMITS.memory_mib + INTERPRETER_MIB:
        violations.append(f"a process took {peak_mib:.0f} MiB")
    print(f"{len(violations)} violations", *violations, sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
