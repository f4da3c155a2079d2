"""Choose the arithmetic of a network: plain PyTorch, its autocast, or our own GPU kernels."""

from functools import partial

import torch
from torch import nn

from aislewatch.config.learning import Precision
from aislewatch.models.build import Detector
from aislewatch.models.convlstm import ConvLSTM
from aislewatch.models.encoder import FrameEncoder
from aislewatch.models.input import ClipInput


def compute_in(model: Detector, precision: Precision) -> Detector:
    """Set a network to a ``learning.precision``; weights stay float32. Returns the network."""
    model.precision = precision
    for module in model.modules():
        use_kernels(module, torch.bfloat16 if precision == "bf16_fused" else None)
    return model


def use_kernels(module: nn.Module, dtype: torch.dtype | None) -> None:
    """Let our own GPU kernels compute a module in numbers of ``dtype``; None: PyTorch does again.

    Modules for which there are no kernels stay as they are.
    """
    if not isinstance(module, ClipInput | FrameEncoder | ConvLSTM):
        return
    if isinstance(module, FrameEncoder) and module.norm != "none":
        return  # they know none
    if dtype is None:
        module.kernels = None
        return
    # Imported here, since Triton is on machines with a GPU only.
    from aislewatch.train.kernels.clip_input import clip_input
    from aislewatch.train.kernels.encoder import encode
    from aislewatch.train.kernels.recurrence import recur

    if isinstance(module, ClipInput):
        module.kernels = partial(clip_input, dtype=dtype)
    elif isinstance(module, FrameEncoder):
        module.kernels = partial(encode, dtype=dtype)
    else:
        module.kernels = partial(recur, dtype=dtype)
