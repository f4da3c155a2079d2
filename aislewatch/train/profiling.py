"""Shows where the time of a training step goes, by torch's profiler."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from aislewatch.files import whole_file

# Steps before the trace, in which libraries load and buffers are allocated, and steps traced: a
# trace of five has every pattern that repeats and stays a file that Perfetto opens at once.
WARM_UP_STEPS = 3
TRACED_STEPS = 5
# Rows of the table: after ten operators a step's time is told.
OPERATORS = 10


def profile_steps(steps: Iterable[object], device: torch.device, trace: Path) -> str:
    """Take a few ``steps``, trace the last of them, and return a table of the dearest operators.

    Args:
        steps: takes a step whenever the next element is asked for.
        device: what they are computed on.
        trace: where to write it, in Chrome's JSON; ui.perfetto.dev opens it.
    """
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    plan = schedule(wait=0, warmup=WARM_UP_STEPS, active=TRACED_STEPS, repeat=1)
    with profile(activities=activities, schedule=plan, record_shapes=True) as profiler:
        for _ in islice(steps, WARM_UP_STEPS + TRACED_STEPS):
            profiler.step()
    with whole_file(trace) as temporary:
        profiler.export_chrome_trace(str(temporary))
    table: str = profiler.key_averages().table(
        sort_by=f"self_{device.type}_time_total", row_limit=OPERATORS
    )
    return table
