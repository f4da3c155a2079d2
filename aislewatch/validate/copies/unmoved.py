"""Tells how alike stills of two cameras are as they stand: what unmoved cameras show."""

import numpy as np

from aislewatch.frames.fingerprint import CELLS
from aislewatch.validate.copies.pose import BAND, FLAT, Floats

# What the middle's likeness counts less than that of the whole: bars above and below are left out
# of it as a logo is, and yet move the picture.
MIDDLE_COUNTS_LESS = 0.05


def plain_likeness(a_PYX: Floats, b_QYX: Floats, mirrored: bool) -> float:
    """Compute the best normalised correlation of one of a's pictures with one of b's, −1 to 1.

    The better one of whole pictures and, for less, of what lies between the bands for logos; a flat
    picture is like none (0). Pictures (P, 16, 16) and (Q, 16, 16), whole grey levels.
    """
    turned = b_QYX[..., ::-1] if mirrored else b_QYX
    middle = slice(BAND, CELLS - BAND)
    whole = _unmoved(a_PYX, turned)
    return max(whole, _unmoved(a_PYX[:, middle], turned[:, middle]) - MIDDLE_COUNTS_LESS)


def _unmoved(a_PYX: Floats, b_QYX: Floats) -> float:
    a_PN, b_QN = a_PYX.reshape(len(a_PYX), -1), b_QYX.reshape(len(b_QYX), -1)
    count = a_PN.shape[1]
    sum_P, sum_Q = a_PN.sum(axis=1), b_QN.sum(axis=1)
    spread_P = count * np.square(a_PN).sum(axis=1) - sum_P**2
    spread_Q = count * np.square(b_QN).sum(axis=1) - sum_Q**2
    shown = np.logical_and.outer(spread_P >= FLAT * count**2, spread_Q >= FLAT * count**2)
    scale = np.outer(np.sqrt(spread_P), np.sqrt(spread_Q))
    common = count * (a_PN @ b_QN.T) - np.outer(sum_P, sum_Q)
    return float(np.where(shown, common / np.where(shown, scale, 1.0), 0.0).max())
