"""One ONNX graph from stored frames to the probability, where a detector stands in front."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from aislewatch.config.people import Tracker
from aislewatch.errors import ModelError
from aislewatch.models.build import Detector, ModelConfig, build
from aislewatch.models.people_form import PeopleForm
from aislewatch.models.sizes import Network
from aislewatch.register.export import OPSET, Examples, export_onnx

SQUARE, CHANNELS, T = 32, 6, 4
# A frame: the squares of two regions; their features, as filmed and mirrored.
ROWS, TAKEN = 2 * SQUARE * 3 // 2, 2 * 2 * CHANNELS


def front() -> onnx.ModelProto:
    """Take the first 1,536 bytes of a frame for its features."""
    constants = {"from": [0], "to": [TAKEN * 64], "axis": [1], "flat": [0, -1]}
    nodes = [
        helper.make_node("Reshape", ["yuv", "flat"], ["row"]),
        helper.make_node("Slice", ["row", "from", "to", "axis"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "front",
        [helper.make_tensor_value_info("yuv", TensorProto.UINT8, ["N", ROWS, SQUARE])],
        [helper.make_tensor_value_info("features", TensorProto.UINT8, ["N", TAKEN * 64])],
        [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def network() -> Detector:
    torch.manual_seed(0)
    sizes = Network(
        encoder="detector", input="rgb", input_size=16, encoder_channels=[8], hidden_channels=8,
        kernel_size=3, dropout=0.0,
    )  # fmt: skip
    track = Tracker(begin_score=0.35, go_on_score=0.15, gap=8)
    people = PeopleForm(
        detector="0" * 64, square=SQUARE, every=1, channels=CHANNELS, track=track,
        regions=("person", "upper"),
    )  # fmt: skip
    return build(
        ModelConfig(
            architecture="convlstm", model=sizes, frame_size=64, n_frames=T, step=1, fps=10,
            people=people,
        )
    ).eval()  # fmt: skip


def examples(shift: int = 0) -> Examples:
    """Clips of squares, and what the graph in front makes of them (moved by some bytes)."""
    rng = np.random.default_rng(0)
    given = rng.integers(0, 256, (3, T, ROWS, SQUARE), np.uint8)
    rows = given.reshape(3, T, -1)[:, :, shift : shift + TAKEN * 64]
    return Examples(given, rows.reshape(3, T, TAKEN, 64))


def test_the_graph_takes_squares_and_says_what_torch_says_of_their_features(tmp_path: Path) -> None:
    file, clips, model = tmp_path / "one.onnx", examples(), network()
    assert export_onnx(model, clips, file, front()) < 1e-6
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    assert (given.name, given.type) == ("yuv", "tensor(uint8)")
    assert given.shape[1:] == [T, ROWS, SQUARE]
    got: Any = session.run(["probability"], {"yuv": clips.given_BTKW})[0]
    with torch.inference_mode():
        expected = model(torch.from_numpy(clips.taken_BTKW)).sigmoid().numpy()
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_features_of_other_frames_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="differs from torch"):
        export_onnx(network(), examples(shift=64), tmp_path / "one.onnx", front())
