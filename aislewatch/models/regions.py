"""Looks at each region of a person by a network of its own."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class ByRegion(nn.Module):
    """Networks of one kind, a region each; a clip's logit is the mean of theirs.

    While they learn, each has to be right by itself: the logits come apart, and the loss is the
    mean of all. One network of two regions together lost 2 to 3 points (docs/benchmarks.md).
    Shapes: B clips, T frames, R regions, D channels of a region.

    Args:
        networks: take x_BTCHW of D channels, and seeds as ``ClipDropout``; give logits (B,).
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x_BTCHW: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Compute logits (B,) of x_BTCHW with R D channels; while training (R, B)."""
        parts = x_BTCHW.chunk(len(self.networks), dim=2)
        logits_RB = torch.stack(
            [network(part, seeds_B) for network, part in zip(self.networks, parts, strict=True)]
        )
        return logits_RB if self.training else logits_RB.mean(dim=0)
