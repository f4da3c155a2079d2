"""Wraps what benchmarks.train.speed times: the product's step, and networks of plain torch."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from aislewatch.config.learning import Precision
from aislewatch.config.params import load_params
from aislewatch.models.build import Detector, ModelConfig, build
from aislewatch.models.sizes import SIZES, Network
from aislewatch.train.adam import PAPER_ADAM
from aislewatch.train.augment import draw_views
from aislewatch.train.kernels.precision import compute_in
from aislewatch.train.losses import focal_loss
from aislewatch.train.prefetch import DeviceBatch, prefetch
from aislewatch.train.processes import Processes
from aislewatch.train.step import Stepper

T = 16
REFERENCE = SIZES["reference"]
SIZE, ENCODER = REFERENCE["input_size"], REFERENCE["encoder_channels"]
HIDDEN = REFERENCE["hidden_channels"]


class Variant(Protocol):
    """Something to time."""

    deterministic: bool

    def train(self) -> None:
        """One step of training."""

    def infer(self) -> None:
        """One forward pass."""


class Ours:
    """The product's step on one batch of stored frames that lies on the GPU."""

    deterministic = True

    def __init__(self, precision: Precision, batch: int) -> None:
        device = torch.device("cuda")
        learning = load_params().learning
        self.model = reference(precision).to(device)
        optimizer = PAPER_ADAM.over(self.model.parameters())
        self.stepper = Stepper(
            self.model, optimizer, learning.focal_gamma, Processes(device), batch
        )
        positions = torch.arange(batch)
        host = DeviceBatch(
            torch.randint(0, 256, (batch, T, SIZE * 3 // 2, SIZE), dtype=torch.uint8),
            (positions % 2).float(),
            draw_views(learning, 0, 1, positions.numpy()),
            positions,
            torch.ones(batch),
        )
        (self.batch,) = prefetch([host], device)

    def train(self) -> None:
        """One step of training."""
        self.stepper.step(self.batch, len(self.batch.labels))

    def infer(self) -> None:
        """As scoring.py: the whole frame as filmed."""
        with torch.inference_mode():
            self.model(self.batch.yuv)


class Rival:
    """A network of plain torch on RGB clips, under the same loss and optimizer."""

    deterministic = False

    def __init__(self, network: nn.Module, bf16: bool, batch: int, compiled: bool = False) -> None:
        self.network = network.cuda().to(memory_format=torch.channels_last)
        self.call: Callable[[Tensor], Tensor] = torch.compile(network) if compiled else network
        self.bf16 = bf16
        self.optimizer = PAPER_ADAM.over(network.parameters())
        x_BTHWC = torch.randn(batch, T, SIZE, SIZE, 3, device="cuda")
        self.x_BTCHW = (x_BTHWC.bfloat16() if bf16 else x_BTHWC).permute(0, 1, 4, 2, 3)
        self.labels_B = (torch.arange(batch, device="cuda") % 2).float()

    def train(self) -> None:
        """One step of training."""
        self.optimizer.zero_grad()
        focal_loss(self._logits(), self.labels_B, 2.0).backward()
        self.optimizer.step()

    def infer(self) -> None:
        """One forward pass."""
        with torch.no_grad():
            self._logits()

    def _logits(self) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=self.bf16):
            return self.call(self.x_BTCHW).float()


def reference(precision: Precision) -> Detector:
    """The product's own network in this configuration; no dropout, as the rivals have none."""
    network = Network(input="rgb", **REFERENCE | {"dropout": 0.0})
    config = ModelConfig(
        architecture="convlstm", model=network, frame_size=SIZE, n_frames=T, step=1, fps=10
    )
    return compute_in(build(config), precision)
