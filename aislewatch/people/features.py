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
    """How features lie in a file: a frame is uint8 (2, regions, channels, 8, 8).

    Of the channels those of the finer level are first.

    As filmed, then of the mirrored square: features of a mirror image are not the mirror image of
    features. Learning from both gave 2.5 points of AUC on real footage (docs/benchmarks.md).
    """

    channels: int
    regions: int = 1

    @property
    def frame_bytes(self) -> int:
        """Count the bytes of a frame."""
        return 2 * self.regions * self.channels * SIDE * SIDE


def feature_format(weights: Path, regions: int = 1) -> FeatureFormat:
    """Say how features by these weights of so many regions lie in a file.

    Raises:
        ModelError: the weights are missing or not of the YOLOX family.
    """
    return format_of(read_yolox(weights), regions)


def format_of(yolox: Yolox, regions: int) -> FeatureFormat:
    """Say how features by this detector lie in a file."""
    return FeatureFormat(sum(level.channels for level in yolox.levels[1:]), regions)


def feature_graph(weights: Path, square: int, regions: int = 1) -> Any:
    """Return the ONNX graph from stored squares to their features.

    Its input ``yuv`` is uint8 (N, 3/2 regions square, square), packed I420, the regions one below
    the other; its output ``features`` is uint8 (N, 2 × regions × channels × 64), see
    ``FeatureFormat``. N is free, and no frame's features depend on the others.

    Args:
        weights: file of the detector.
        square: pixels a side of a region.
        regions: of a frame.

    Raises:
        ModelError: the weights are missing or not of the YOLOX family.
    """
    from onnx import TensorProto, helper

    yolox = read_yolox(weights)
    before, (fine, coarse) = pyramid_graph(yolox, square, LOOKED_AT, regions)
    parts, whole = Parts("features_"), format_of(yolox, regions)
    halved = parts.add("MaxPool", fine, kernel_shape=[2, 2], strides=[2, 2])
    levels = parts.add("Concat", halved, coarse, axis=1)
    above = parts.add("Sub", levels, parts.floats(LOWEST))
    kept = parts.add("Clip", above, parts.floats(0.0), parts.floats(HIGHEST - LOWEST))
    logarithm = parts.add("Log", parts.add("Add", kept, parts.floats(1.0)))
    steps = parts.add("Mul", logarithm, parts.floats(1 / STEP))
    rounded = parts.add("Cast", parts.add("Round", steps), to=TensorProto.UINT8)
    # From (N, regions, as filmed and mirrored, …) to all as filmed first, then all mirrored.
    by_region = parts.whole([-1, regions, 2, whole.channels * SIDE * SIDE])
    apart = parts.add("Reshape", rounded, by_region)
    together = parts.add("Transpose", apart, perm=[0, 2, 1, 3])
    parts.add("Reshape", together, parts.whole([-1, whole.frame_bytes]), output=FEATURES)
    inputs = [
        tensor_value(
            name, ("M", level.channels, LOOKED_AT // level.stride, LOOKED_AT // level.stride)
        )
        for name, level in zip((fine, coarse), yolox.levels[1:], strict=True)
    ]
    output = helper.make_tensor_value_info(FEATURES, TensorProto.UINT8, ("N", whole.frame_bytes))
    after = parts.model(inputs, [output])
    return joined(before, after, {fine: fine, coarse: coarse})
