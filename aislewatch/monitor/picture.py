"""Measures a grey picture: light, structure, fine detail; compares it with another."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.float32]

# Pixels of the shorter side that a picture is averaged down to, at least (less than twice as many):
# detail that a wrong focus takes is still there, noise and blocks of the codec are halved.
SHORT_SIDE = 240

# Regions a side that a picture is judged by: a person hides a few of 64, a hand on the lens most.
REGIONS = 8

# Structure of a region, in standard deviations of grey levels, below which there is nothing to
# compare: empty wall and floor have 1 to 2 after the codec.
TEXTURED = 4.0


def to_grey(frame: npt.NDArray[np.uint8]) -> Grey:
    """Average a uint8 picture, (H, W) or (H, W, 3) RGB, down to float32 (h, w), whole grey levels.

    Raises:
        ValueError: the picture has another shape, or is smaller than a region a pixel.
    """
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
        raise ValueError(f"a picture is (H, W) or (H, W, 3), not {frame.shape}")
    if min(frame.shape[:2]) < 4 * REGIONS:
        raise ValueError(f"a picture has at least {4 * REGIONS} pixels a side, not {frame.shape}")
    step = max(1, min(frame.shape[:2]) // SHORT_SIDE)
    # Pillow's box filter: of 1080p 3 ms, where numpy's mean over blocks takes 90.
    return np.asarray(Image.fromarray(frame).reduce(step).convert("L")).astype(np.float32)


def by_region(values_HW: Grey) -> Grey:
    """Cut a picture into REGIONS² regions, each a row of its pixels: float32 (R², n)."""
    rows, columns = (side // REGIONS for side in values_HW.shape)
    cut = values_HW[: rows * REGIONS, : columns * REGIONS]
    parts = cut.reshape(REGIONS, rows, REGIONS, columns).swapaxes(1, 2)
    return parts.reshape(REGIONS * REGIONS, rows * columns)


@dataclass(frozen=True)
class Structure:
    """What a picture shows, region by region.

    Args:
        grey: the picture, float32 (H, W).
        coarse: it without fine detail, a region a row, each less its own mean: float32 (R², n).
        spread: standard deviation of each, grey levels.
        fine: strength of the fine detail in each, grey levels.
    """

    grey: Grey
    coarse: Grey
    spread: Grey
    fine: Grey

    @classmethod
    def of(cls, grey: Grey) -> "Structure":
        """Measure a picture."""
        smooth = _blurred(_blurred(grey))
        coarse = by_region(smooth)
        coarse = coarse - coarse.mean(axis=1, keepdims=True)
        fine = by_region(grey - _blurred(grey))
        return cls(grey, coarse, coarse.std(axis=1), fine.std(axis=1))

    @property
    def light(self) -> float:
        """Return the mean grey level."""
        return float(self.grey.mean())

    @property
    def contrast(self) -> float:
        """Return the standard deviation of the grey levels."""
        return float(self.grey.std())

    @property
    def sharpness(self) -> float:
        """Return how strong fine detail is beside coarse structure; light does not change it."""
        return float(self.fine.mean() / (self.spread.mean() + 1.0))


def agreement(now: Structure, before: Structure) -> float:
    """Compare two pictures of one camera: 1 the same view, about 0 another one.

    The median over the regions that show something, of their correlation; neither light nor people
    who hide less than half of the picture change it.
    """
    textured = before.spread > TEXTURED
    if not textured.any():
        return 1.0
    product = (now.coarse[textured] * before.coarse[textured]).mean(axis=1)
    return float(np.median(product / (now.spread[textured] * before.spread[textured] + 1e-3)))


def hidden_share(now: Structure, before: Structure) -> float:
    """Return the share of the regions that showed something and show nothing any more."""
    textured = before.spread > TEXTURED
    if not textured.any():
        return 0.0
    return float((now.spread[textured] < HIDDEN * before.spread[textured]).mean())


# Share of its structure that is left of a hidden region.
HIDDEN = 0.25


def sharpness_ratio(now: Structure, before: Structure) -> float:
    """Compare the fine detail of two pictures of one view: 1 the same, 0 none is left."""
    textured = before.spread > TEXTURED
    if not textured.any():
        return 1.0
    ratio = (now.fine / (now.spread + 1.0)) / (before.fine / (before.spread + 1.0) + 1e-3)
    return float(np.median(ratio[textured]))


def changed_share(now: Grey, before: Grey) -> float:
    """Return the share of pixels that differ at all: more than half a grey level."""
    return float((np.abs(now - before) > 0.5).mean())


def _blurred(grey: Grey) -> Grey:
    """Average each pixel with its eight neighbours; the border with what there is."""
    wide = np.pad(grey, 1, mode="edge")
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    mean: Grey = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return mean
