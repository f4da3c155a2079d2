"""The sections of params.yaml about the machine: where and how fast to compute, and its limits."""

import os
from typing import Annotated, Literal

from pydantic import Field

from aislewatch.config.types import Count, NotNegative, Positive, Section

# How the address of a Dask scheduler begins.
Scheduler = Annotated[str, Field(pattern=r"^(tcp|tls|ws|wss)://\S+:\d+$")]

# 0: as many as there are cores.
PerCore = Annotated[int, Field(ge=0)]


def one_a_core(number: int) -> int:
    """Return how many processes are meant: 0 stands for one on each core that this one may use."""
    return number or len(os.sched_getaffinity(0))


class Machine(Section):
    """Say where to compute and by how many processes; no stage of dvc.yaml depends on it."""

    device: Literal["auto", "cpu", "cuda"]
    threads: PerCore
    ingest_workers: PerCore
    cluster: Scheduler | None
    tune_workers: Count


class Ingest(Section):
    """Set limits of the decoding sandbox and of a video; what exceeds one is quarantined."""

    timeout_s: Positive
    memory_mib: Count
    max_duration_s: Positive
    max_megapixels: Positive
    max_fps: Positive
    max_loss_s: NotNegative
