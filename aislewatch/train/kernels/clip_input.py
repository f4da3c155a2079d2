"""``ClipInput`` by one GPU kernel: stored frames are read once, network input is written once."""

import torch
from torch import Tensor

from aislewatch.models.colours import (
    BLUE_FROM_U,
    CHROMA_ZERO,
    GREEN_FROM_U,
    GREEN_FROM_V,
    LUMA_BLACK,
    LUMA_SCALE,
    RED_FROM_V,
)
from aislewatch.models.input import DIFFERENCE_SCALE, RGB_MEAN, RGB_STD, ClipViews
from aislewatch.train.kernels import clip_input_kernels as kernels

# Output pixels of a program.
PIXELS = 256


def clip_input(
    yuv_BTKW: Tensor,
    views: ClipViews | None,
    input_size: int,
    difference: bool,
    dtype: torch.dtype,
) -> Tensor:
    """Compute what ``ClipInput`` computes: network input x_BTCHW of ``dtype``.

    In memory it lies as ``encoder.py`` reads it: by time, then by clip, pixels of 4 channels.
    """
    batch, steps, _, size = yuv_BTKW.shape
    if views is None:
        zeros_B = torch.zeros(batch, device=yuv_BTKW.device)
        views = ClipViews(zeros_B, zeros_B, zeros_B + 1, zeros_B, zeros_B + 1)
    views_B5 = torch.stack(views, dim=1)
    out_TBHWC = torch.empty(
        steps, batch, input_size, input_size, 4, dtype=dtype, device=yuv_BTKW.device
    )
    scale, mean = (DIFFERENCE_SCALE, 0.0) if difference else (1.0 / RGB_STD, RGB_MEAN)
    kernels.clip_input[(-(-input_size**2 // PIXELS), batch * steps)](
        yuv_BTKW.contiguous(), views_B5, out_TBHWC, batch, steps, size, input_size,
        LUMA_BLACK, CHROMA_ZERO, LUMA_SCALE, RED_FROM_V, GREEN_FROM_U, GREEN_FROM_V, BLUE_FROM_U,
        mean, scale, DIFFERENCE=difference, LUMA_TAPS=-(-size // input_size) + 1,
        CHROMA_TAPS=-(-size // 2 // input_size) + 1, M=PIXELS,
    )  # fmt: skip
    return out_TBHWC[..., :3].permute(1, 0, 4, 2, 3)
