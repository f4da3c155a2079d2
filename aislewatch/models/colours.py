"""Converts the colours of stored frames: one formula, of torch's tensors and of NumPy's arrays.

torch is not imported, so that who only draws frames need not wait for it.
"""

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Plane = TypeVar("Plane", "Tensor", NDArray[np.float32])

# ITU-R BT.601, limited range (Y 16..235, U and V 16..240 around 128), to RGB in 0..1: what ffmpeg
# writes when it scales to yuv420p.
LUMA_BLACK = 16.0
CHROMA_ZERO = 128.0
LUMA_SCALE = 1.0 / 219.0
RED_FROM_V = 1.402 / 224.0
GREEN_FROM_U = -0.344136 / 224.0
GREEN_FROM_V = -0.714136 / 224.0
BLUE_FROM_U = 1.772 / 224.0


def rgb_planes(y: Plane, u: Plane, v: Plane) -> tuple[Plane, Plane, Plane]:
    """Convert limited-range BT.601 planes of one shape, values 0..255, to R, G and B, 0..1.

    float32 stays float32. What is no colour that a screen can show lies outside 0..1.
    """
    luma = (y - LUMA_BLACK) * LUMA_SCALE
    u, v = u - CHROMA_ZERO, v - CHROMA_ZERO
    red = luma + RED_FROM_V * v
    green = luma + GREEN_FROM_U * u + GREEN_FROM_V * v
    return red, green, luma + BLUE_FROM_U * u
