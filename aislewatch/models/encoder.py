"""The paper's time-distributed CNN: the same small network on every frame."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn


class FrameEncoder(nn.Module):
    """Per level a 3×3 convolution, ReLU and 2×2 max pooling, on every frame by itself.

    No batch norm: the frames of one clip are far from independent, its running averages make
    training and serving differ, and the demo's networks learn without it (AUC 0.98 on validation).

    Args:
        in_channels: channels of a frame.
        channels: channels of each level; a level halves the picture. None at all: the frames come
            as features already, and stay as they are.
    """

    def __init__(self, in_channels: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.out_channels = [in_channels, *channels][-1]
        levels: list[nn.Module] = []
        for before, after in zip([in_channels, *channels], channels, strict=False):
            # Pooling first: ReLU keeps order, so the result is the same from a quarter the pixels.
            levels += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
        self.levels = nn.Sequential(*levels)
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


def pooled_side(side: int, levels: int) -> int:
    """Return the pixels a side that ``levels`` poolings by 2 leave of ``side``."""
    return side >> levels
