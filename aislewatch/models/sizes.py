"""States the sizes that ``model.size`` in params.yaml names, as numbers of a network."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from aislewatch.config.learning import (
    Dropout,
    Encoder,
    EncoderChannels,
    Input,
    InputSize,
    KernelSize,
    Model,
    Norm,
    Size,
)
from aislewatch.config.types import Count

# The batch is no part of a size: out of memory, one step is computed in parts, to the same result.
SIZES: dict[Size, dict[str, Any]] = {
    # Two CPU cores train each of the demo's networks in half a minute (docs/benchmarks.md).
    "demo": {
        "input_size": 32,
        "encoder_channels": [8, 16, 24],
        "hidden_channels": 24,
        "kernel_size": 3,
        "dropout": 0.3,
    },
    # The network of the accuracy figures on real footage, with its dropout (docs/benchmarks.md):
    # the best that 64 x 64 pixels gave; trained on any GPU.
    "small_gpu": {
        "input_size": 64,
        "encoder_channels": [16, 32, 64],
        "hidden_channels": 64,
        "kernel_size": 3,
        "dropout": 0.5,
    },
    # The reference network of the speed figures (docs/benchmarks.md): the frame store's full
    # 128 x 128 pixels, as the paper; 26 GFLOP a clip and step. Dropout as for real footage.
    "reference": {
        "input_size": 128,
        "encoder_channels": [32, 64, 128],
        "hidden_channels": 64,
        "kernel_size": 3,
        "dropout": 0.5,
    },
}


class Network(BaseModel):
    """Hold the numbers of a network, as its config.json has them.

    ``input: rgb`` is the paper's; ``diff`` feeds frame differences.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    # What looks at each frame; older versions' config.json names none, which was a CNN.
    encoder: Encoder = "cnn"
    input: Input
    input_size: InputSize
    encoder_channels: EncoderChannels
    hidden_channels: Count
    kernel_size: KernelSize
    dropout: Dropout
    # With defaults, so that networks of before can be loaded; see save_model.
    norm: Norm = "none"
    mirrors: bool = False


def network_of(model: Model) -> Network:
    """Return the numbers of the size that ``model`` names; numbers that it states itself win."""
    own = model.model_dump(exclude={"size"}, exclude_none=True)
    return Network.model_validate(SIZES[model.size] | own)
