"""What a `dvc repro` with nothing to do costs, against `dvc status` on the same project.

python benchmarks/noop.py            in the project's root, after `make demo`
"""

import statistics
import subprocess
import time

# Rounds, interleaved so that a busy moment of the machine meets both commands.
ROUNDS = 7


def seconds(command: str) -> float:
    """Wall seconds of one command."""
    began = time.perf_counter()
    subprocess.run(command.split(), check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Print the medians and their ratio."""
    rounds = [(seconds("dvc repro"), seconds("dvc status")) for _ in range(ROUNDS)]
    repro, status = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"dvc repro, nothing to do: {repro:.2f} s; dvc status: {status:.2f} s")
    print(f"ratio {repro / status:.2f} (medians of {ROUNDS} interleaved rounds)")


if __name__ == "__main__":
    main()
