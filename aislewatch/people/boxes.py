"""Boxes of people out of what a YOLOX detector says, and how far two boxes are one."""

import numpy as np
from numpy.typing import NDArray

from aislewatch.people.network import STRIDES

Floats = NDArray[np.float64]

# Overlap from which the weaker of two boxes is the same person (YOLOX's own value).
SAME_PERSON = 0.45

# Number of the class "person" in COCO, on which the family is trained.
PERSON = 0


def decode_boxes(output_AC: NDArray[np.float32], side: int, floor: float) -> tuple[Floats, Floats]:
    """Return boxes of people and their scores, the surest first, one a person.

    Args:
        output_AC: anchors, level by level, each row by row: centre and size in the grid's own
            terms, object's score, classes' scores.
        side: of the detector's input, pixels.
        floor: score below which a box is left out.

    Returns:
        (P, 4) left, top, right, bottom in pixels of the input; (P,) scores, 0 to 1.
    """
    score_A = (output_AC[:, 4] * output_AC[:, 5 + PERSON]).astype(np.float64)
    chosen = np.flatnonzero(score_A >= floor)
    x_A, y_A, stride_A = _grid(side)
    stride, cell = stride_A[chosen], np.stack([x_A[chosen], y_A[chosen]], 1)
    centre = (output_AC[chosen, :2] + cell) * stride[:, None]
    half = np.exp(output_AC[chosen, 2:4].astype(np.float64)) * stride[:, None] / 2
    boxes, scores = np.concatenate([centre - half, centre + half], 1), score_A[chosen]
    kept = suppress(boxes, scores)
    return boxes[kept], scores[kept]


def _grid(side: int) -> tuple[Floats, Floats, Floats]:
    """Return column, row and stride of every anchor."""
    parts = []
    for stride in STRIDES:
        rows, columns = np.indices((side // stride, side // stride)).reshape(2, -1)
        parts.append((columns, rows, np.full(columns.size, stride)))
    x_A, y_A, stride_A = (
        np.concatenate(part).astype(np.float64) for part in zip(*parts, strict=True)
    )
    return x_A, y_A, stride_A


def suppress(boxes: Floats, scores: Floats) -> list[int]:
    """List the boxes that overlap no surer one by ``SAME_PERSON`` or more, the surest first."""
    kept: list[int] = []
    for candidate in np.argsort(-scores, kind="stable").tolist():
        if not kept or overlaps(boxes[[candidate]], boxes[kept]).max() < SAME_PERSON:
            kept.append(candidate)
    return kept


def overlaps(a: Floats, b: Floats) -> Floats:
    """Compute the area that each of (A, 4) boxes shares with each of (B, 4), over their union."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))
