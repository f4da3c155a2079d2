"""The registered graph: uint8 frames in, probability out, checked against torch before use."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import compose
from torch import nn

from aislewatch.errors import ModelError

# Largest difference of a probability between ONNX Runtime and torch that registration accepts:
# float32 rounding through 16 recurrent steps stays near 1e-6; 1e-4 cannot move a decision.
PARITY = 1e-4

# ONNX operator set 18 has every operator used here and is read by ONNX Runtime since 1.14.
OPSET = 18

# Names of the graph's input and output, which whoever serves it uses.
YUV, PROBABILITY = "yuv", "probability"
# Name of a network's input where another graph stands in front of it.
TAKEN = "taken"


class Probability(nn.Module):
    """A network's logits as probabilities, so that the registered graph needs no after-work."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, yuv_BTKW: torch.Tensor) -> torch.Tensor:
        """Compute P(shoplifting), float32 (B,), of uint8 I420 clips (B, T, 3/2 H, W)."""
        probability_B: torch.Tensor = torch.sigmoid(self.network(yuv_BTKW))
        return probability_B


@dataclass(frozen=True)
class Examples:
    """Real clips, at least two, to trace a graph with and to compare it on.

    Args:
        given_BTKW: what the registered graph is given, uint8.
        features_BTCP: a detector's features of it, uint8, where the network takes those.
    """

    given_BTKW: NDArray[np.uint8]
    features_BTCP: NDArray[np.uint8] | None = None

    @property
    def taken_BTKW(self) -> NDArray[np.uint8]:  # noqa: N802 - a tensor's name
        """Return what the network takes."""
        return self.given_BTKW if self.features_BTCP is None else self.features_BTCP


def export_onnx(
    network: nn.Module, examples: Examples, file: Path, front: onnx.ModelProto | None = None
) -> float:
    """Write ``network`` as ONNX with a free batch size and compare it with torch.

    Args:
        network: in evaluation mode; logits (B,) from uint8 clips.
        examples: what to compare on.
        file: where to write.
        front: what makes of each frame what the network takes, and becomes part of the graph; None:
            the network takes frames as they are.

    Returns:
        The largest absolute difference of a probability.

    Raises:
        ModelError: the difference exceeds ``PARITY``.
    """
    # It says at length that torchvision, which we do not use, is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    graph = Probability(network).eval()
    x_BTKW = torch.from_numpy(examples.taken_BTKW)
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter warns of its own internals; what counts is compared below.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (x_BTKW,),
            str(file),
            input_names=[YUV if front is None else TAKEN],
            output_names=[PROBABILITY],
            dynamic_shapes={"yuv_BTKW": {0: torch.export.Dim("batch")}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        expected_B = graph(x_BTKW).numpy()
    if front is not None:
        onnx.save(behind(front, onnx.load(file), examples), file)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    # A batch of another size than the traced one: the batch dimension must really be free.
    got_B = np.concatenate(
        [session.run(None, {YUV: clip})[0] for clip in examples.given_BTKW[:, None]]
    )
    difference = float(np.abs(got_B - expected_B).max())
    if not difference <= PARITY:
        raise ModelError(
            f"the ONNX graph differs from torch by {difference:.2g} (allowed {PARITY:.0e}); "
            "nothing was registered. Install the versions of requirements/lock.txt, and run "
            "`dvc repro register`"
        )
    return difference


def behind(front: onnx.ModelProto, head: onnx.ModelProto, examples: Examples) -> onnx.ModelProto:
    """Join two graphs into one of clips: every frame goes through ``front``, the clip to ``head``.

    Args:
        front: uint8 frames (N, K, W) in, what the network takes of each out.
        head: ``TAKEN`` in, ``PROBABILITY`` out.
        examples: whose shapes the graph has, but for the batch.
    """
    whole = onnx.ModelProto()
    whole.CopyFrom(compose.add_prefix(front, "front_"))
    whole.ir_version = head.ir_version
    graph, helper = whole.graph, onnx.helper
    [frames], [made] = graph.input, graph.output
    given, taken = examples.given_BTKW.shape[1:], examples.taken_BTKW.shape[1:]
    for name, shape in (("frame", given[1:]), ("clip", taken)):
        sizes = np.array([-1, *shape], np.int64)
        graph.initializer.append(onnx.numpy_helper.from_array(sizes, f"front_{name}_shape"))
    to_frames = helper.make_node("Reshape", [YUV, "front_frame_shape"], [frames.name])
    to_clips = helper.make_node("Reshape", [made.name, "front_clip_shape"], ["front_clips"])
    nodes = [to_frames, *graph.node, to_clips]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    kind = onnx.TensorProto.UINT8
    graph.input.append(helper.make_tensor_value_info(YUV, kind, ["batch", *given]))
    graph.output.append(helper.make_tensor_value_info("front_clips", kind, ["batch", *taken]))
    return compose.merge_models(whole, head, io_map=[("front_clips", TAKEN)])
