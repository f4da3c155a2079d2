"""Stored frames to network input on the device, with every input that was tried."""

import torch
from torch import Tensor

from aislewatch.models.input import (
    DIFFERENCE_SCALE,
    RGB_MEAN,
    RGB_STD,
    area_weights,
    frame_differences,
    to_rgb,
    unpack_i420,
)

# Brings distances from the clip's background (RGB in 0..1) to the size of normalised colours.
BACKGROUND_SCALE = 4.0
# Pixels a side of the picture on which motion is looked for.
MOTION_SIDE = 32

CHANNELS = {"rgb": 3, "diff": 3, "luma": 1, "background": 3, "both": 6}


def prepare(
    yuv_BTKW: Tensor, views_B5: Tensor, kind: str, size: int, zoom: float, spoil_B3: Tensor | None
) -> Tensor:
    """Network input x_BTCHW.

    Args:
        yuv_BTKW: uint8 packed I420.
        views_B5: left, top, side, mirrored, gain of each clip.
        kind: one of CHANNELS.
        size: pixels a side.
        zoom: side of the square around what moves, within which a view looks.
        spoil_B3: share of resolution kept, noise (of 1) and darkness factor, or None.
    """
    left, top, side, mirrored, gain = views_B5.unbind(1)
    planes = unpack_i420(yuv_BTKW)
    if zoom < 1:
        x0, y0 = motion_corner(planes[0], zoom)
        left, top, side = x0 + zoom * left, y0 + zoom * top, zoom * side
    y, u, v = (_scaled(plane, left, top, side, mirrored, size) for plane in planes)
    x = to_rgb(y, u, v) * gain[:, None, None, None, None]
    if spoil_B3 is not None:
        x = _spoiled(x, spoil_B3)
    if kind == "rgb":
        return (x - RGB_MEAN) / RGB_STD
    if kind == "luma":
        return DIFFERENCE_SCALE * frame_differences(x.mean(dim=2, keepdim=True))
    parts = []
    if kind in ("diff", "both"):
        parts.append(DIFFERENCE_SCALE * frame_differences(x))
    if kind in ("background", "both"):
        parts.append(BACKGROUND_SCALE * (x - x.median(dim=1, keepdim=True).values))
    return torch.cat(parts, dim=2)


def _scaled(
    plane: Tensor, left: Tensor, top: Tensor, side: Tensor, mirrored: Tensor, size: int
) -> Tensor:
    rows = area_weights(top, side, size, plane.shape[-1])
    columns = area_weights(left, side, size, plane.shape[-1])
    columns = torch.where(mirrored.bool()[:, None, None], columns.flip(1), columns)
    return rows[:, None] @ plane.float() @ columns.mT[:, None]


def motion_corner(luma_BTSS: Tensor, zoom: float) -> tuple[Tensor, Tensor]:
    """Left and top (shares) of the square of side ``zoom`` around the centre of motion."""
    whole = luma_BTSS.new_zeros(1, dtype=torch.float32), luma_BTSS.new_ones(1, dtype=torch.float32)
    weights = area_weights(*whole, MOTION_SIDE, luma_BTSS.shape[-1])[0]
    small = weights @ luma_BTSS.float() @ weights.mT
    energy = (small[:, 1:] - small[:, :-1]).abs().mean(dim=1)
    # What moves stands out from the noise of the picture, which is everywhere.
    energy = (energy - energy.mean(dim=(1, 2), keepdim=True)).clamp(min=0) + 1e-6
    centres = (torch.arange(MOTION_SIDE, device=energy.device) + 0.5) / MOTION_SIDE
    total = energy.sum(dim=(1, 2))
    x = (energy.sum(dim=1) * centres).sum(dim=1) / total
    y = (energy.sum(dim=2) * centres).sum(dim=1) / total
    return (x - zoom / 2).clamp(0, 1 - zoom), (y - zoom / 2).clamp(0, 1 - zoom)


def _spoiled(x_BTCHW: Tensor, spoil_B3: Tensor) -> Tensor:
    """Half the resolution, noise and darkness where drawn; the same for all frames of a clip."""
    coarse, noise, dark = spoil_B3[:, :, None, None, None, None].unbind(1)
    flat = x_BTCHW.flatten(0, 1)
    low = torch.nn.functional.avg_pool2d(flat, 2).repeat_interleave(2, -1).repeat_interleave(2, -2)
    x = torch.where(coarse > 0, low.view_as(x_BTCHW), x_BTCHW)
    return x * dark + noise * torch.randn_like(x)


def erase(x_BTCHW: Tensor, box_B4: Tensor) -> Tensor:
    """Blank a box (left, top, right, bottom as shares) of every frame of each clip."""
    size = x_BTCHW.shape[-1]
    at = (torch.arange(size, device=x_BTCHW.device) + 0.5) / size
    left, top, right, bottom = box_B4[:, :, None].unbind(1)
    columns = (at > left) & (at < right)
    rows = (at > top) & (at < bottom)
    keep = ~(rows[:, :, None] & columns[:, None, :])
    return x_BTCHW * keep[:, None, None]
