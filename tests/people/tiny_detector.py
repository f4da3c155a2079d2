"""A detector of our own making, of the YOLOX family's structure: finds bright squares of 24 pixels.

Backbone of strides 8, 16 and 32, a pyramid from coarse to fine, three decoupled heads, one output
of (1, anchors, 5 + 2 classes). Only the finest level ever finds anything, the class "person".
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from aislewatch.people.graphs import tensor_value
from aislewatch.people.parts import Parts

# Pixels a side: of its input, of what it finds, and of the box that it puts round that. With a
# smaller one it would find a square once more in the cell beside its own.
SIDE, BLOB, BOX = 96, 24, 40
# Channels of the pyramid at strides 8, 16, 32.
CHANNELS = (4, 6, 10)


def write_tiny(path: Path, classes: int = 2) -> Path:
    """Write the detector as an ONNX file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(tiny_detector(classes), str(path))
    return path


def tiny_detector(classes: int = 2) -> Any:
    parts = Parts("tiny_")
    # Brightness of a cell, 0 to 1, in every channel.
    fine = conv(parts, "images", np.full((CHANNELS[0], 3, 8, 8), 1 / (3 * 64 * 255)), stride=8)
    middle = conv(parts, fine, mean_of(CHANNELS[1], CHANNELS[0], 2), stride=2)
    coarse = conv(parts, middle, mean_of(CHANNELS[2], CHANNELS[1], 2), stride=2)
    twice = parts.floats([1, 1, 2, 2])
    down = parts.add("Resize", coarse, "", twice, mode="nearest")
    middle = conv(parts, parts.add("Concat", middle, down, axis=1), first(CHANNELS[1], CHANNELS[2]))
    down = parts.add("Resize", middle, "", twice, mode="nearest")
    fine = conv(parts, parts.add("Concat", fine, down, axis=1), first(CHANNELS[0], CHANNELS[1]))
    levels = [
        head(parts, level, channels, sees=number == 0, classes=classes)
        for number, (level, channels) in enumerate(
            zip((fine, middle, coarse), CHANNELS, strict=True)
        )
    ]
    flat = [parts.add("Reshape", level, parts.whole([1, 5 + classes, -1])) for level in levels]
    joined = parts.add("Concat", *flat, axis=2)
    parts.add("Transpose", joined, output="output", perm=[0, 2, 1])
    anchors = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))
    return parts.model(
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
        [tensor_value("output", (1, anchors, 5 + classes))],
    )


def head(parts: Parts, level: str, channels: int, *, sees: bool, classes: int) -> str:
    stem = silu(parts, conv(parts, level, mean_of(8, channels, 1)))
    # Of a square of 3 x 3 cells the mean over 3 x 3 is largest in its middle.
    shape = (8, 8, 3, 3)
    looks = [silu(parts, conv(parts, stem, np.full(shape, 1 / 72), pad=1)) for _ in range(2)]
    # What two blurred looks leave of a square in its own cell is above, in a corner's cell below.
    steep, middle = 60.0, 0.26
    box = conv(parts, looks[1], np.zeros((4, 8, 1, 1)), [0.5, 0.5, *[np.log(BOX / 8)] * 2])
    weight = np.full((1, 8, 1, 1), steep / 8 if sees else 0.0)
    thing = conv(parts, looks[1], weight, [-steep * middle if sees else -20.0])
    kind = conv(parts, looks[0], np.zeros((classes, 8, 1, 1)), [20.0, *[-20.0] * (classes - 1)])
    sure = [parts.add("Sigmoid", tensor) for tensor in (thing, kind)]
    return parts.add("Concat", box, *sure, axis=1)


def silu(parts: Parts, tensor: str) -> str:
    return parts.add("Mul", tensor, parts.add("Sigmoid", tensor))


def conv(
    parts: Parts, tensor: str, weight: Any, bias: Any = None, stride: int = 1, pad: int = 0
) -> str:
    weight = np.asarray(weight)
    constants = [parts.floats(weight)]
    constants += [] if bias is None else [parts.floats(bias)]
    return parts.add(
        *("Conv", tensor, *constants),
        kernel_shape=list(weight.shape[2:]),
        strides=[stride] * 2,
        pads=[pad] * 4,
    )


def mean_of(out: int, channels: int, size: int) -> Any:
    return np.full((out, channels, size, size), 1 / (channels * size * size))


def first(kept: int, others: int) -> Any:
    """Weights that keep the first channels and leave the others out."""
    return np.eye(kept, kept + others)[:, :, None, None]
