"""Takes a step of the optimizer, in as many parts as memory allows, on one process or several.

The gradient is that of the mean loss over the whole batch, however it is cut up: no layer mixes
clips, a clip's view and dropout are its own, and a part brings along the clip that is mixed into
its first. Cutting it up changes the order of sums and nothing else. Batch norm does mix clips, so a
network with it is never cut up.
"""

import logging
import math

import torch
from torch import Tensor

from aislewatch.errors import TrainingError
from aislewatch.models.build import Detector
from aislewatch.models.encoder import mixes_clips
from aislewatch.train.graphs import CudaGraphs, can_be_recorded
from aislewatch.train.losses import focal_loss, mixed_focal_loss
from aislewatch.train.prefetch import DeviceBatch
from aislewatch.train.processes import Processes

logger = logging.getLogger(__name__)


class Stepper:
    """Takes steps, and remembers how many clips at once the device's memory has room for.

    Args:
        model: on the device of ``processes``.
        optimizer: over its parameters.
        focal_gamma: as in ``focal_loss``.
        processes: who else computes a part of every batch.
        at_once: clips computed at once by this process, at most.
    """

    def __init__(
        self,
        model: Detector,
        optimizer: torch.optim.Optimizer,
        focal_gamma: float,
        processes: Processes,
        at_once: int,
    ) -> None:
        self.at_once = at_once
        self._model = model
        self._optimizer = optimizer
        self._focal_gamma = focal_gamma
        self._processes = processes
        self._rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._recorded = CudaGraphs(self._part_gradient, list(model.parameters()))
        self._can_be_recorded = can_be_recorded(model)
        self._in_one_part = mixes_clips(model)

    def step(self, batch: DeviceBatch, size: int, rate_factor: float = 1.0) -> Tensor:
        """Take a step on a batch; return its mean loss and its gradient's norm, (2,) on the device.

        Args:
            batch: this process's part of it.
            size: clips in the whole batch, over all processes.
            rate_factor: share of the optimizer's learning rate that this step uses.

        Raises:
            TrainingError: a single clip is too large for the device's memory.
        """
        loss = self._gradient(batch, size)
        parameters = list(self._model.parameters())
        for parameter in parameters:
            if parameter.grad is None:  # this process's part of the batch was empty
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self._processes.count > 1:
            parts = [loss.reshape(1), *(gradient.reshape(-1) for gradient in gradients)]
            flat = self._processes.total(torch.cat(parts))
            sums = torch.split(flat, [len(part) for part in parts])
            loss = sums[0].squeeze()
            for gradient, total in zip(gradients, sums[1:], strict=True):
                gradient.copy_(total.view_as(gradient))
        norm = torch.nn.utils.get_total_norm(gradients)
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * rate_factor
        self._optimizer.step()
        return torch.stack([loss, norm])

    def _gradient(self, batch: DeviceBatch, size: int) -> Tensor:
        """Leave the gradient in the parameters; return this process's share of the mean loss."""
        while True:
            try:
                return self._accumulate(batch, size)
            except torch.OutOfMemoryError as error:
                if self._in_one_part:
                    raise TrainingError(
                        f"the batch does not fit into the memory of {self._processes.device} "
                        f"({error}), and with model.norm batch it cannot be computed in parts; "
                        "set model.norm to group, or lower learning.batch_size"
                    ) from None
                if self.at_once == 1:
                    raise TrainingError(
                        f"one clip does not fit into the memory of {self._processes.device} "
                        f"({error}); choose a smaller model.size, or free the device"
                    ) from None
            # Here and not in the handler, which holds the tensors of what failed.
            self.at_once = math.ceil(self.at_once / 2)
            torch.cuda.empty_cache()
            logger.warning(
                "out of memory on %s: from now on at most %d clips at once, their gradients added "
                "up; the batch stays %d clips",
                *(self._processes.device, self.at_once, size),
            )

    def _accumulate(self, batch: DeviceBatch, size: int) -> Tensor:
        self._optimizer.zero_grad()
        device, clips = self._processes.device, len(batch.seeds)
        # A recording overwrites the gradient, so it serves a batch in one part.
        by_kernels = self._model.precision == "bf16_fused" and self._can_be_recorded
        in_one_part = clips <= self.at_once
        compute = self._recorded if by_kernels and in_one_part else self._part_gradient
        loss = torch.zeros((), device=device)
        for start in range(0, clips, self.at_once):
            part = batch.part(start, start + self.at_once)
            # Filled on the device: a number copied there would be waited for.
            loss += compute(part, torch.full((), len(part.seeds) / size, device=device))
        return loss

    def _part_gradient(self, part: DeviceBatch, share: Tensor) -> Tensor:
        """Add the gradient of some clips, ``share`` of the whole batch; return their loss."""
        gamma = self._focal_gamma
        if part.mixed:
            logits_B = self._model(part.yuv, part.views, part.seeds, part.shares)
            own_B, before_B = part.labels[1:], part.labels[:-1]
            loss = mixed_focal_loss(logits_B, own_B, before_B, part.shares, gamma) * share
        else:
            logits_B = self._model(part.yuv, part.views, part.seeds)
            loss = focal_loss(logits_B, part.labels, gamma) * share
        torch.autograd.backward(loss)
        return loss.detach()
