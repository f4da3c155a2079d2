"""Makes ONNX graphs that take the store's packed I420 frames, of parts of a YOLOX model."""

from pathlib import Path
from typing import Any

import numpy as np

from aislewatch.frames.light import LEAST_LIGHT, MOST_GAIN
from aislewatch.people.network import OPSET, Yolox
from aislewatch.people.parts import IR_VERSION, Parts

# Name of every graph's input: uint8 (frames, 3/2 height, width).
YUV = "yuv"

# BT.601 in limited range, the store's colours, to blue, green, red of 0 to 255 (ITU-R BT.601-7).
_BGR_OF_YUV = np.array(
    [[1.164384, 2.017232, 0.0], [1.164384, -0.391762, -0.812968], [1.164384, 0.0, 1.596027]],
    np.float32,
)
_BLACK = np.array([16.0, 128.0, 128.0], np.float32)

# Grey with which YOLOX fills what its square input has beside the picture.
PADDING = 114.0


def detector_graph(yolox: Yolox, width: int, height: int) -> Any:
    """Return the graph from one I420 frame, at most as large as the input, to the output.

    Args:
        yolox: the detector.
        width: of the frame, pixels, even.
        height: of the frame, pixels, even.
    """
    parts = Parts("people_")
    bgr = _to_bgr(parts, width, height, None)
    room = parts.whole([0, 0, 0, 0, 0, 0, yolox.side - height, yolox.side - width])
    image = parts.add("Pad", bgr, room, parts.floats(PADDING))
    output = tensor_value(image, (1, 3, yolox.side, yolox.side))
    before = parts.model([_frames(1, height * 3 // 2, width)], [output])
    return joined(before, _bare(yolox.model), {image: yolox.input})


def pyramid_graph(yolox: Yolox, square: int, side: int, regions: int) -> tuple[Any, list[str]]:
    """Return the graph from I420 squares to what the pyramid gives at the two coarser levels.

    Args:
        yolox: the detector.
        square: pixels a side of a region.
        side: pixels a side to which it is scaled.
        regions: of a frame, one below the other.

    Returns:
        The graph, and the names of its outputs, finer level first: float32 (2 regions N, channels,
        side / stride, side / stride), of each square as it is, then mirrored.
    """
    from onnx import shape_inference, utils

    parts = Parts("people_")
    image = _with_mirrored(parts, _to_bgr(parts, square, square, side), side)
    output = tensor_value(image, ("M", 3, side, side))
    before = parts.model([_frames("N", regions * square * 3 // 2, square)], [output])
    names = [level.tensor for level in yolox.levels[1:]]
    whole = shape_inference.infer_shapes(yolox.model)
    pyramid = _bare(utils.Extractor(whole).extract_model([yolox.input], names))
    graph = joined(before, pyramid, {image: yolox.input})
    for value, level in zip(graph.graph.output, yolox.levels[1:], strict=True):
        cells = side // level.stride
        value.CopyFrom(tensor_value(value.name, ("M", level.channels, cells, cells)))
    return graph, names


def _with_mirrored(parts: Parts, image: str, side: int) -> str:
    """Append what puts behind each of N square images its mirror image: (2 N, 3, side, side)."""
    last, backwards = parts.whole(-1), parts.whole(-1)
    beyond = parts.whole(-(1 << 31))
    mirrored = parts.add("Slice", image, last, beyond, parts.whole(3), backwards)
    pairs = parts.add("Concat", image, mirrored, axis=1)
    return parts.add("Reshape", pairs, parts.whole([-1, 3, side, side]))


def _to_bgr(parts: Parts, width: int, height: int, side: int | None) -> str:
    """Append what makes float32 (N, 3, height, width), blue first, 0 to 255, of I420 frames.

    Planes are scaled bilinearly, to ``side`` × ``side`` or the luminance's size; then coloured. A
    frame darker than ``LEAST_LIGHT`` is brightened, each by itself.
    """
    from onnx import TensorProto

    size = (side, side) if side else (height, width)
    # Flat, for a plane of colours need not end with a row: half of a width has 117 in 234 pixels.
    frames = parts.add("Reshape", YUV, parts.whole([-1, width * height * 3 // 2]))
    planes: list[str] = []
    first, gain = 0, ""
    for shape in [(height, width), *[(height // 2, width // 2)] * 2]:
        places = first, first + shape[0] * shape[1]
        first = places[1]
        cut = parts.add("Slice", frames, *map(parts.whole, places), parts.whole(1))
        plane = parts.add("Reshape", cut, parts.whole([-1, 1, *shape]))
        plane = parts.add("Cast", plane, to=TensorProto.FLOAT)
        gain = gain or _gain(parts, plane)
        if shape != size:
            scales = parts.floats([1, 1, size[0] / shape[0], size[1] / shape[1]])
            plane = parts.add("Resize", plane, "", scales, mode="linear")
        planes.append(plane)
    yuv = parts.add("Concat", *planes, axis=1)
    weight = parts.floats(_BGR_OF_YUV[:, :, None, None])
    bgr = parts.add("Conv", yuv, weight, parts.floats(-_BGR_OF_YUV @ _BLACK))
    bright = parts.add("Mul", bgr, gain)
    return parts.add("Clip", bright, parts.floats(0.0), parts.floats(255.0))


def _gain(parts: Parts, luma: str) -> str:
    """Append the factor on the colours (N, 1, 1, 1) that brings dark frames to ``LEAST_LIGHT``."""
    mean = parts.add("ReduceMean", luma, parts.whole([1, 2, 3]))
    above = parts.add("Sub", mean, parts.floats(float(_BLACK[0])))
    seen = parts.add("Max", above, parts.floats(LEAST_LIGHT / MOST_GAIN))
    return parts.add("Max", parts.add("Div", parts.floats(LEAST_LIGHT), seen), parts.floats(1.0))


def joined(before: Any, after: Any, tensors: dict[str, str]) -> Any:
    """Join two graphs, whose names differ: outputs of the first become inputs of the second."""
    from onnx import compose, helper

    whole = compose.merge_models(before, after, io_map=list(tensors.items()))
    # It lists the operator set once for each of the two.
    del whole.opset_import[:]
    whole.opset_import.append(helper.make_opsetid("", OPSET))
    whole.graph.name = "people"
    return whole


def tensor_value(name: str, shape: tuple[int | str, ...]) -> Any:
    """Declare a float32 tensor as ONNX does; a size given by a name is free."""
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _frames(*shape: int | str) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(YUV, TensorProto.UINT8, shape)


def _bare(model: Any) -> Any:
    """Return a copy without what it says of sizes, which follow from the new input."""
    from onnx import ModelProto

    copy = ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = IR_VERSION
    del copy.graph.value_info[:]
    known = {tensor.name for tensor in copy.graph.initializer}
    for value in [*copy.graph.output, *(v for v in copy.graph.input if v.name not in known)]:
        for size in value.type.tensor_type.shape.dim:
            size.Clear()
    return copy


def open_session(graph: Path) -> Any:
    """Open a file of a graph for one thread, so that sums are always made in one order."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(str(graph), options, providers=providers)
