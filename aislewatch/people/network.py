"""Reads an ONNX file of the YOLOX family and finds its parts by their structure, not their names.

Source: Ge et al., YOLOX, arXiv:2107.08430; the reference export joins, level by level, what the
box, object and class branches of the decoupled head say, to (batch, anchors, 5 + classes).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aislewatch.errors import ModelError
from aislewatch.tables import places

# The operator set of the registered graph, into which the detector's part is merged.
OPSET = 18

# Pixels of the picture from one cell of a level to the next, in the order of the export.
STRIDES = (8, 16, 32)

# Side of the detector's input where the file leaves it open, pixels: what nano and tiny learned on.
DEFAULT_SIDE = 416


@dataclass(frozen=True)
class Level:
    """One of the three grids that the detector looks at.

    Args:
        tensor: name of what the feature pyramid gives to the head there.
        channels: of it.
        stride: pixels of the picture from cell to cell.
    """

    tensor: str
    channels: int
    stride: int


@dataclass(frozen=True)
class Yolox:
    """An ONNX model of the family.

    Args:
        model: in operator set ``OPSET``.
        input: name of its input, float32 (batch, 3, side, side), blue first, 0 to 255.
        side: of the input, pixels.
        levels: finest first.
    """

    model: Any
    input: str
    side: int
    levels: tuple[Level, ...]

    @property
    def output(self) -> str:
        """Return the name of the output, (batch, anchors, 5 + classes)."""
        return str(self.model.graph.output[0].name)


def read_yolox(weights: Path) -> Yolox:
    """Read a file of weights.

    Raises:
        ModelError: it is missing, is no ONNX file, or has not the structure of the family.
    """
    # Here, because the pipeline without a detector need not pay for it.
    import onnx

    if not weights.is_file():
        raise ModelError(
            f"{weights} is missing; bring the detector's weights by `aislewatch pretrained fetch`, "
            "or a file of yours by `aislewatch pretrained add FILE` (people.weights in params.yaml "
            "names it), or set people.detector: none"
        )
    try:
        # By its path: reading it first would raise an error of protobuf's own.
        onnx.checker.check_model(str(weights))
        model = onnx.load(str(weights))
    except (onnx.checker.ValidationError, ValueError) as error:
        words = " ".join(str(error).split())[:200]
        raise ModelError(f"{weights} is no ONNX file ({words}); {_REMEDY}") from None
    try:
        return _understood(model)
    except (LookupError, ValueError, StopIteration, RuntimeError) as error:
        words = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{weights} is no YOLOX detector with three levels and one output of (batch, anchors, "
            f"5 + classes) ({words}); {_REMEDY}"
        ) from None


_REMEDY = (
    f"remove it from {places.DETECTOR} and run `aislewatch pretrained fetch`, or export one by "
    "YOLOX's own tools/export_onnx.py without --decode_in_inference"
)


def _understood(model: Any) -> Yolox:
    from onnx import version_converter

    if model.opset_import[0].version != OPSET:
        model = version_converter.convert_version(model, OPSET)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    [image] = [value for value in graph.input if value.name not in constants]
    makers = {name: node for node in graph.node for name in node.output}
    # The output is the levels' anchors one after the other; where one ends there is a Reshape.
    joined = _first_of("Concat", graph.output[0].name, makers)
    tensors = [_head_input(name, makers) for name in joined.input]
    if len(tensors) != len(STRIDES):
        raise ValueError(f"it has {len(tensors)} levels")
    levels = []
    for (tensor, weight), stride in zip(tensors, STRIDES, strict=True):
        levels.append(Level(tensor, constants[weight].dims[1], stride))
    sides = {size.dim_value for size in image.type.tensor_type.shape.dim[2:]} or {0}
    if len(sides) != 1:
        raise ValueError("its input is not square")
    return Yolox(model, image.name, sides.pop() or DEFAULT_SIDE, tuple(levels))


def _first_of(kind: str, name: str, makers: dict[str, Any]) -> Any:
    """Return the first node of a kind on the way back from a tensor along first inputs."""
    return next(node for node in _way_back(name, makers) if node.op_type == kind)


def _way_back(name: str, makers: dict[str, Any]) -> list[Any]:
    nodes = []
    while name in makers:
        nodes.append(makers[name])
        name = makers[name].input[0]
    return nodes


def _head_input(name: str, makers: dict[str, Any]) -> tuple[str, str]:
    """Return what enters the head at a level, and the weight of the convolution that takes it.

    That is the stem: the last convolution before the ways of box and class part.
    """
    branches = [_way_back(part, makers) for part in _first_of("Concat", name, makers).input]
    shared = [node for node in branches[0] if all(node in branch for branch in branches[1:])]
    stem = next(node for node in shared if node.op_type == "Conv")
    return stem.input[0], stem.input[1]
