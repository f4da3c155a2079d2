"""Turns scaled pictures into the store's colours: BT.601 in limited range, as of most CCTV."""

from typing import Any

import numpy as np
import numpy.typing as npt

from aislewatch.ingest.picture import HD_MATRIX, RGB, STORE_MATRIX, Look

Plane = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

# Weights of red and blue in luma (ITU-T H.273, table 4), by the names of ``picture.MATRICES``.
WEIGHTS = {
    STORE_MATRIX: (0.299, 0.114),
    HD_MATRIX: (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}
# Shares of U and V in red, green and blue, beside luma.
Shares = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
YCGCO: Shares = ((-1.0, 1.0), (1.0, 0.0), (-1.0, -1.0))

# Black, the span from it to white, and the span of U and V, of 255.
LIMITED, FULL = (16, 219, 224), (0, 255, 255)

# A pure colour has different numbers in each matrix and range, each rounded; ffmpeg and x264 miss
# them by up to 1 more. So in a colour (U or V beyond ``COLOURFUL``, of 0.5), red, green or blue
# that is so near to 0 or 1 is taken for that: blue of BT.2020 moves by 0.5/219 + 1.88 * 1/224.
# Without it, one red was stored with luma 81 and 82. Greys and dark noise are left alone.
NEAR = 0.0107
COLOURFUL = 0.1


def to_store_colours(picture: npt.NDArray[Any], look: Look) -> Bytes:
    """Convert one picture of H × W pixels; rounds once, and keeps what is whiter than white.

    Only single sums and products of float32, which are the same to the bit on every machine.

    Args:
        picture: uint8, as PyAV gives it: I420 (3/2 H, W), or (H, W, 3) where it is in RGB.
        look: how it is coded.

    Returns:
        I420, uint8 (3/2 H, W).
    """
    if look.matrix == RGB:
        parts = [_as_float(picture[..., at]) / np.float32(255) for at in range(3)]
    elif look.matrix == STORE_MATRIX and not look.full_range:
        return picture
    else:
        parts = _rgb(picture, look)
    kept_red, kept_blue = WEIGHTS[STORE_MATRIX]
    y = _luma(*parts)
    red, green, blue = (_halved(part) for part in parts)
    y_small = _luma(red, green, blue)
    u = (blue - y_small) * np.float32(0.5 / (1 - kept_blue))
    v = (red - y_small) * np.float32(0.5 / (1 - kept_red))
    black, span, colours = LIMITED
    planes = y * span + black, u * colours + 128, v * colours + 128
    whole = np.concatenate([plane.reshape(-1) for plane in planes])
    stored: Bytes = np.rint(whole).clip(0, 255).astype(np.uint8).reshape(-1, y.shape[1])
    return stored


def _as_float(values: npt.NDArray[Any]) -> Plane:
    converted: Plane = values.astype(np.float32)
    return converted


def _rgb(yuv_KW: npt.NDArray[Any], look: Look) -> list[Plane]:
    """Red, green and blue of I420, each (H, W), from 0 to 1 and a little beyond."""
    height = yuv_KW.shape[0] * 2 // 3
    black, span, colours = FULL if look.full_range else LIMITED
    y = (yuv_KW[:height].astype(np.float32) - black) / np.float32(span)
    u, v = (yuv_KW[height:].reshape(2, height // 2, -1).astype(np.float32) - 128) / np.float32(
        colours
    )
    parts = [
        y + _doubled(u * np.float32(of_u) + v * np.float32(of_v))
        for of_u, of_v in _shares(look.matrix)
    ]
    strong = (np.abs(u) > COLOURFUL) | (np.abs(v) > COLOURFUL)
    if strong.any():
        strong = _doubled(strong)
        for part in parts:
            part[strong & (np.abs(part) < NEAR)] = 0
            part[strong & (np.abs(part - 1) < NEAR)] = 1
    return parts


def _shares(matrix: str) -> Shares:
    if matrix not in WEIGHTS:
        return YCGCO
    red, blue = WEIGHTS[matrix]
    green = 1 - red - blue
    of_v, of_u = 2 - 2 * red, 2 - 2 * blue
    return (0.0, of_v), (-of_u * blue / green, -of_v * red / green), (of_u, 0.0)


def _luma(red: Plane, green: Plane, blue: Plane) -> Plane:
    of_red, of_blue = WEIGHTS[STORE_MATRIX]
    of_green = 1 - of_red - of_blue
    luma: Plane = (
        red * np.float32(of_red) + green * np.float32(of_green) + blue * np.float32(of_blue)
    )
    return luma


def _doubled(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return plane.repeat(2, axis=0).repeat(2, axis=1)


def _halved(plane: Plane) -> Plane:
    """Means of 2 × 2 pixels."""
    rows: Plane = plane[::2] + plane[1::2]
    sums: Plane = rows[:, ::2] + rows[:, 1::2]
    return _as_float(sums * np.float32(0.25))
