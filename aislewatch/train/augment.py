"""Varies training clips: one view a clip, drawn from (seed, epoch, position) alone."""

import numpy as np
import numpy.typing as npt
import torch

from aislewatch.config.learning import Learning
from aislewatch.models.input import ClipViews


def draw_views(
    learning: Learning, seed: int, epoch: int, positions_B: npt.NDArray[np.int64]
) -> ClipViews:
    """Draw views (mirror, brightness, random crop) of the clips of a batch, on the CPU.

    A clip's view depends on nothing but its own arguments: neither on the batch it comes in, nor
    on the device, nor on what was drawn before. All frames of the clip share it.

    Args:
        learning: strengths of the augmentation.
        seed: of the training.
        epoch: counted from 1.
        positions_B: places of the clips in the epoch's order; a clip drawn twice in an epoch is
            looked at in two ways.
    """
    views = [_draw_view(learning, [seed, epoch, int(position)]) for position in positions_B]
    return ClipViews(*torch.tensor(views, dtype=torch.float32).reshape(-1, 5).unbind(dim=1))


def _draw_view(learning: Learning, seeds: list[int]) -> tuple[float, float, float, float, float]:
    u_left, u_top, u_side, u_mirrored, u_gain = np.random.default_rng(seeds).random(5)
    # The side is drawn too, up to the whole frame, because the whole frame is what is scored
    # later: a network that saw only magnified crops would meet a new scale there.
    side = learning.crop + (1 - learning.crop) * u_side
    left, top = u_left * (1 - side), u_top * (1 - side)
    gain = 1 + learning.brightness * (2 * u_gain - 1)
    return left, top, side, float(u_mirrored < learning.flip), gain
