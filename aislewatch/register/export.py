"""The registered graph: uint8 frames in, probability out, checked against torch before use."""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from aislewatch.errors import ModelError

# Largest difference of a probability between ONNX Runtime and torch that registration accepts:
# float32 rounding through 16 recurrent steps stays near 1e-6; 1e-4 cannot move a decision.
PARITY = 1e-4

# ONNX operator set 18 has every operator used here and is read by ONNX Runtime since 1.14.
OPSET = 18


class Probability(nn.Module):
    """A network's logits as probabilities, so that the registered graph needs no after-work."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, yuv_BTKW: torch.Tensor) -> torch.Tensor:
        """Compute P(shoplifting), float32 (B,), of uint8 I420 clips (B, T, 3/2 H, W)."""
        probability_B: torch.Tensor = torch.sigmoid(self.network(yuv_BTKW))
        return probability_B


def export_onnx(network: nn.Module, clips_BTKW: NDArray[np.uint8], file: Path) -> float:
    """Write ``network`` as ONNX with a free batch size and compare it with torch.

    Args:
        network: in evaluation mode; logits (B,) from uint8 clips.
        clips_BTKW: real clips, at least two, to trace with and to compare on.
        file: where to write.

    Returns:
        The largest absolute difference of a probability.

    Raises:
        ModelError: the difference exceeds ``PARITY``.
    """
    # It says at length that torchvision, which we do not use, is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    graph = Probability(network).eval()
    x_BTKW = torch.from_numpy(clips_BTKW)
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter warns of its own internals; what counts is compared below.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (x_BTKW,),
            str(file),
            input_names=["yuv"],
            output_names=["probability"],
            dynamic_shapes={"yuv_BTKW": {0: torch.export.Dim("batch")}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        expected_B = graph(x_BTKW).numpy()
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    # A batch of another size than the traced one: the batch dimension must really be free.
    got_B = np.concatenate([session.run(None, {"yuv": clip})[0] for clip in clips_BTKW[:, None]])
    difference = float(np.abs(got_B - expected_B).max())
    if not difference <= PARITY:
        raise ModelError(
            f"the ONNX graph differs from torch by {difference:.2g} (allowed {PARITY:.0e}); "
            "nothing was registered. Install the versions of requirements/lock.txt, and run "
            "`dvc repro register`"
        )
    return difference
