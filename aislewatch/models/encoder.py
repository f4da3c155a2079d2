"""The paper's time-distributed CNN: the same small network on every frame."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

from torch import Tensor, nn

Norm = Literal["none", "batch", "group"]

# Groups of channels that group norm normalises, where a level has so many: the networks' narrowest
# level has 8 channels, and Wu and He (2018) found nothing between 2 and 32 groups to lose a point.
GROUPS = 4


class FrameEncoder(nn.Module):
    """Per level a 3×3 convolution, ReLU and 2×2 max pooling, on every frame by itself.

    Args:
        in_channels: channels of a frame.
        channels: channels of each level; a level halves the picture. None at all: the frames come
            as features already, and stay as they are.
        norm: what normalises a level before its ReLU: ``none``; ``batch``, over all frames of the
            batch, which mixes clips; ``group``, within each frame.
    """

    def __init__(self, in_channels: int, channels: Sequence[int], norm: Norm = "none") -> None:
        super().__init__()
        self.out_channels = [in_channels, *channels][-1]
        levels: list[nn.Module] = []
        for before, after in zip([in_channels, *channels], channels, strict=False):
            # Pooling first: ReLU keeps order, so the result is the same from a quarter the pixels.
            # A normalisation takes every channel's mean away, and a bias with it.
            convolution = nn.Conv2d(before, after, 3, padding=1, bias=norm == "none")
            levels += [convolution, nn.MaxPool2d(2), *normalised(norm, after), nn.ReLU()]
        self.levels = nn.Sequential(*levels)
        self.norm = norm
        # Computes the levels in place of torch, set by `train/kernels`; None: torch does.
        self.kernels: Callable[[Tensor, Sequence[nn.Conv2d]], Tensor] | None = None

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        """Compute feature maps f_BTCHW, H and W halved once a level."""
        if self.kernels is not None:
            convolutions = [level for level in self.levels if isinstance(level, nn.Conv2d)]
            return self.kernels(x_BTCHW, convolutions)
        batch, steps = x_BTCHW.shape[:2]
        f_NCHW: Tensor = self.levels(x_BTCHW.flatten(0, 1))
        return f_NCHW.view(batch, steps, *f_NCHW.shape[1:])


def normalised(norm: Norm, channels: int, parts: int = 1) -> list[nn.Module]:
    """Make the layer that normalises a level's channels, if there is one.

    Args:
        norm: as in ``FrameEncoder``.
        channels: of all parts together.
        parts: whose channels are never normalised together.
    """
    if norm == "batch":
        return [nn.BatchNorm2d(channels)]
    groups = parts * math.gcd(GROUPS, channels // parts)
    return [nn.GroupNorm(groups, channels)] if norm == "group" else []


def mixes_clips(model: nn.Module) -> bool:
    """Tell whether a network's result for a clip depends on the others of its batch in training."""
    return any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def pooled_side(side: int, levels: int) -> int:
    """Return the pixels a side that ``levels`` poolings by 2 leave of ``side``."""
    return side >> levels
