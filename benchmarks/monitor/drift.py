"""False alarms and power of the drift decision, by the simulation of its tests.

``python -m benchmarks.monitor.drift --times 1500``: seven days of reference; new footage of two
days, whole ones or four hours around noon, whose looks remember what they were for some minutes.
"""

import argparse
from unittest import mock

import numpy as np
from scipy.stats import binomtest

from aislewatch.monitor.drift import find_drift
from tests.monitor import test_drift as simulated

# First and last hour of the new days that are filmed.
HOURS = {"4 hours": (4, 7), "12 hours": (0, 11)}


def main() -> None:
    """Print how often drift is found, without any and with some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1500)
    parser.add_argument("--memory", type=float, nargs="+", default=[10.0, 30.0, 60.0])
    parser.add_argument("--shifts", type=float, nargs="+", default=[0.0, 0.5, 0.75, 1.0, 1.5])
    args = parser.parse_args()
    for memory in args.memory:
        for name in HOURS:
            for shift in args.shifts:
                times = args.times if shift == 0 else args.times // 15
                found = alarms(memory, name, shift, times)
                within = binomtest(found, times).proportion_ci()
                bounds = f"{100 * within.low:.1f} to {100 * within.high:.1f} %"
                case = f"memory {memory:g} min, {name} of two days, shift {shift:g}"
                print(f"{case}: {found} of {times} ({bounds})", flush=True)


def alarms(memory: float, hours: str, shift: float, times: int) -> int:
    """Count the cases in which drift is found."""
    first, last = HOURS[hours]
    found = 0
    with mock.patch.object(simulated, "MEMORY", memory):
        for seed in range(times):
            blocks = simulated.blocks(simulated.footage(np.random.default_rng(seed), shift))
            seen = blocks[~blocks["new"] | blocks["hour"].between(first, last)]
            found += bool(find_drift(seen, simulated.FIGURES, permutations=199).drifted)
    return found


if __name__ == "__main__":
    main()
