"""Trains on several processes, as torchrun starts them, or on one; the code is the same."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor

from aislewatch.errors import TrainingError


@dataclass(frozen=True)
class Processes:
    """This process among those that train together; each computes its part of every batch."""

    device: torch.device
    rank: int = 0
    count: int = 1

    def part(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return this process's share of some rows, which may be empty."""
        return np.array_split(rows, self.count)[self.rank]

    def total(self, x: Tensor) -> Tensor:
        """Sum ``x`` over the processes, in place and to the bit the same in each."""
        if self.count > 1:
            dist.all_reduce(x)
        return x


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started; without torchrun, this one alone.

    Args:
        device: as ``set_up_compute`` returns it; on GPUs each process takes its own.

    Raises:
        TrainingError: a GPU for this process is missing.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes(device)
        return
    if device.type == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise TrainingError(
                f"torchrun started process {local + 1} on this machine, which has "
                f"{torch.cuda.device_count()} GPU(s); lower --nproc-per-node"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device)
    else:
        dist.init_process_group("gloo")
    yield Processes(device, dist.get_rank(), dist.get_world_size())
    # Not after an error: the others may wait in a sum that never comes; torchrun ends them.
    dist.destroy_process_group()
