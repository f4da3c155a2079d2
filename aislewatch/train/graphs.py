"""Records a computation on a GPU, to start it by one call instead of hundreds.

A step of the fused networks is some 250 short kernels; starting them takes the CPU 10 ms, computing
them takes an H100 7.6 ms at 64 clips (docs/benchmarks.md). The recording starts the same kernels in
the same order, so its numbers are the same bits.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from aislewatch.train.prefetch import DeviceBatch, side_streams

# Times that a shape is computed directly before it is recorded: libraries choose and kernels are
# compiled then, which a recording cannot hold.
WARM_UP = 3


def can_be_recorded(model: nn.Module) -> bool:
    """Tell whether a recording of the network's step stays true.

    cuDNN's LSTM keeps something outside the recording: from the first step after a validation on,
    a recorded step of the networks with an LSTM gave other gradients, NaN or illegal addresses
    (H200, torch 2.11, cuDNN 9.19), those of the others the same bits.
    """
    return not any(isinstance(module, nn.LSTM) for module in model.modules())


class CudaGraphs:
    """Records ``gradient`` for every shape of batch that comes often enough.

    Args:
        gradient: leaves the gradient in the parameters' ``grad``, which it finds None, and returns
            the loss; it must not wait for the device.
        parameters: whose gradient it is.
    """

    def __init__(
        self, gradient: Callable[[DeviceBatch, Tensor], Tensor], parameters: Sequence[nn.Parameter]
    ) -> None:
        self._gradient = gradient
        self._parameters = parameters
        self._seen: dict[torch.Size, int] = {}
        self._recordings: dict[torch.Size, _Recording] = {}

    def __call__(self, batch: DeviceBatch, share: Tensor) -> Tensor:
        """Do what ``gradient`` does; the next call overwrites the loss."""
        shape = batch.yuv.shape
        if shape not in self._recordings:
            self._seen[shape] = self._seen.get(shape, 0) + 1
            if self._seen[shape] <= WARM_UP:
                return self._gradient(batch, share)
            self._recordings[shape] = _Recording(self._gradient, self._parameters, batch, share)
        return self._recordings[shape].replay(batch, share)


class _Recording:
    def __init__(
        self,
        gradient: Callable[[DeviceBatch, Tensor], Tensor],
        parameters: Sequence[nn.Parameter],
        batch: DeviceBatch,
        share: Tensor,
    ) -> None:
        self._parameters = parameters
        self._inputs = [tensor.clone() for tensor in [*batch.tensors(), share]]
        self._graph = torch.cuda.CUDAGraph()
        # Only this thread's calls count: the prefetching thread copies and allocates meanwhile.
        stream = side_streams(batch.yuv.device).recording
        with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
            self._loss = gradient(DeviceBatch.of(self._inputs[:-1]), self._inputs[-1])
        self._gradients = [parameter.grad for parameter in parameters]

    def replay(self, batch: DeviceBatch, share: Tensor) -> Tensor:
        for kept, given in zip(self._inputs, [*batch.tensors(), share], strict=True):
            kept.copy_(given, non_blocking=True)
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return self._loss
