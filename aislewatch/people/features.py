"""The detector's own features of a person's square, a byte each: graph, format, and back again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aislewatch.frames.feature_bytes import HIGHEST, LOWEST, SIDE, STEP
from aislewatch.people.graphs import joined, pyramid_graph, tensor_value
from aislewatch.people.network import Yolox, read_yolox
from aislewatch.people.parts import Parts

# Pixels a side to which a square is scaled before the detector's network looks at it: its strides
# of 16 and 32 give 16 and 8 cells a side.
LOOKED_AT = 256

# Name of the graph's output: uint8 (frames, channels × cells × cells).
FEATURES = "features"


@dataclass(frozen=True)
class FeatureFormat:
    """How features lie in a file: a frame is uint8 (2, channels, 8, 8), finer level first.

    As filmed, then of the mirrored square: features of a mirror image are not the mirror image of
    features. Learning from both gave 2.5 points of AUC on real footage (docs/benchmarks.md).
    """

    channels: int

    @property
    def frame_bytes(self) -> int:
        """Count the bytes of a frame."""
        return 2 * self.channels * SIDE * SIDE


def feature_format(weights: Path) -> FeatureFormat:
    """Say how features by these weights lie in a file.

    Raises:
        ModelError: the weights are missing or not of the YOLOX family.
    """
    return format_of(read_yolox(weights))


def format_of(yolox: Yolox) -> FeatureFormat:
    """Say how features by this detector lie in a file."""
    return FeatureFormat(sum(level.channels for level in yolox.levels[1:]))


def feature_graph(weights: Path, square: int) -> Any:
    """Return the ONNX graph from stored squares to their features.

    Its input ``yuv`` is uint8 (N, 3/2 square, square), packed I420; its output ``features`` is
    uint8 (N, 2 × channels × 64), see ``FeatureFormat``. N is free, and no frame's features depend
    on the others.

    Args:
        weights: file of the detector.
        square: pixels a side of a frame.

    Raises:
        ModelError: the weights are missing or not of the YOLOX family.
    """
    from onnx import TensorProto, helper

    yolox = read_yolox(weights)
    before, (fine, coarse) = pyramid_graph(yolox, square, LOOKED_AT)
    parts, whole = Parts("features_"), format_of(yolox)
    halved = parts.add("MaxPool", fine, kernel_shape=[2, 2], strides=[2, 2])
    levels = parts.add("Concat", halved, coarse, axis=1)
    above = parts.add("Sub", levels, parts.floats(LOWEST))
    kept = parts.add("Clip", above, parts.floats(0.0), parts.floats(HIGHEST - LOWEST))
    logarithm = parts.add("Log", parts.add("Add", kept, parts.floats(1.0)))
    steps = parts.add("Mul", logarithm, parts.floats(1 / STEP))
    rounded = parts.add("Cast", parts.add("Round", steps), to=TensorProto.UINT8)
    parts.add("Reshape", rounded, parts.whole([-1, whole.frame_bytes]), output=FEATURES)
    inputs = [
        tensor_value(
            name, ("M", level.channels, LOOKED_AT // level.stride, LOOKED_AT // level.stride)
        )
        for name, level in zip((fine, coarse), yolox.levels[1:], strict=True)
    ]
    output = helper.make_tensor_value_info(FEATURES, TensorProto.UINT8, ("N", whole.frame_bytes))
    after = parts.model(inputs, [output])
    return joined(before, after, {fine: fine, coarse: coarse})
