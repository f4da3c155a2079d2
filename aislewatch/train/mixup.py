"""Mixes each training clip with the one before it in its batch (Zhang et al. 2018, mixup).

A part of a batch brings that clip along, so how a batch is cut up changes nothing.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# Names the draws of this module beside those of views, of (seed, epoch, position) too.
DRAWS = 2


def draw_shares(alpha: float, seed: int, epoch: int, positions_B: npt.NDArray[np.int64]) -> Tensor:
    """Draw the share of each clip in its mixture, float32 (B,), from 0.5 to 1.

    Args:
        alpha: both parameters of the Beta distribution; 0 gives 1, no mixture.
        seed: of the training.
        epoch: counted from 1.
        positions_B: places of the clips in the epoch's order.
    """
    if not alpha:
        return torch.ones(len(positions_B))
    drawn = [
        np.random.default_rng([seed, epoch, int(position), DRAWS]).beta(alpha, alpha)
        for position in positions_B
    ]
    shares_B = torch.tensor(drawn, dtype=torch.float32)
    return torch.maximum(shares_B, 1 - shares_B)


def with_clip_before(
    part_B: npt.NDArray[np.int64], batch_B: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Put the position of the clip before a part of a batch in front of it.

    Args:
        part_B: some positions of a batch in a row, or none.
        batch_B: all of them; the clip before its first is its last.
    """
    if not len(part_B):
        return part_B
    first = int(np.searchsorted(batch_B, part_B[0]))
    return np.concatenate([batch_B[[first - 1]], part_B])
