"""Dropout drawn for each clip, so that how a batch is computed cannot change it.

torch's own draws from one generator a device, in the order of computation. Then the same batch in
two parts (micro-batches, several GPUs), or a training resumed inside an epoch, drops other
features. Shapes: B clips, D features.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

# The constants of splitmix64 (Steele, Lea and Flood 2014), as signed 64-bit numbers: the step from
# one number of the sequence to the next, and the two multipliers of the finalizer.
STEP = -7046029254386353131
MULTIPLIERS = (-4658895280553007687, -7723592293110705685)
# A float32 in 0..1 holds this many bits of a random number.
UNIFORM_BITS = 24


class ClipDropout(nn.Module):
    """Zero a share of the features while training and scale up the others, as nn.Dropout.

    Args:
        share: probability that a feature is dropped.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x_BD: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Drop features of each clip by its own seed; the shape stays.

        Args:
            x_BD: features of each clip.
            seeds_B: int64, names each clip's draw; none draws from torch's generator.
        """
        if seeds_B is None:
            return dropout(x_BD, self.share, self.training)
        if not self.training:
            return x_BD
        kept_BD = uniform(seeds_B, x_BD.shape[1]) >= self.share
        return x_BD * kept_BD / (1 - self.share)


def uniform(seeds_B: Tensor, count: int) -> Tensor:
    """Draw ``count`` numbers in 0..1 a seed, float32 (B, count), the same on every device."""
    places_D = torch.arange(1, count + 1, device=seeds_B.device)
    bits_BD = _mixed(_mixed(seeds_B)[:, None] + places_D * STEP)
    return _shifted(bits_BD, 64 - UNIFORM_BITS).float() * 2.0**-UNIFORM_BITS


def _mixed(x: Tensor) -> Tensor:
    """Apply the finalizer of splitmix64; products wrap around, as they must."""
    x = (x ^ _shifted(x, 30)) * MULTIPLIERS[0]
    x = (x ^ _shifted(x, 27)) * MULTIPLIERS[1]
    return x ^ _shifted(x, 31)


def _shifted(x: Tensor, bits: int) -> Tensor:
    """Shift right without the sign, which torch's >> would draw in."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
