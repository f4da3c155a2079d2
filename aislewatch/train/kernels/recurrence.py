"""``ConvLSTM`` by our own GPU kernels: one between two convolutions, forward and back.

Frames lie by time, then by clip, so that a time step is one piece of memory. The gradient of W_h
is one convolution over all time steps, not one a step.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from aislewatch.train.kernels import recurrence_kernels as kernels
from aislewatch.train.kernels.convolutions import convolved, input_grad, weight_grad

# Values of a program of the elementwise kernels.
VALUES = 1024


def recur(
    x_BTCHW: Tensor, from_input: nn.Conv2d, from_hidden: nn.Conv2d, dtype: torch.dtype
) -> Tensor:
    """Compute what ``ConvLSTM`` computes: hidden states h_BTCHW of ``dtype``; sums are float32."""
    x_TBHWC = x_BTCHW.permute(1, 0, 3, 4, 2).to(dtype).contiguous()
    h_TBHWC: Tensor = _Recurrence.apply(
        x_TBHWC, from_input.weight, from_input.bias, from_hidden.weight
    )  # type: ignore[no-untyped-call]
    return h_TBHWC.permute(1, 0, 4, 2, 3)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_TBHWC: Tensor, w_x: Tensor, bias: Tensor, w_h: Tensor) -> Tensor:
        w_x, w_h = w_x.to(x_TBHWC.dtype), w_h.to(x_TBHWC.dtype)
        gates = convolved(x_TBHWC.flatten(0, 1), w_x).view(*x_TBHWC.shape[:-1], -1)
        hidden = w_h.shape[1]
        h_TBHWC = x_TBHWC.new_empty(*x_TBHWC.shape[:-1], hidden)
        c_TBHWC = torch.empty_like(h_TBHWC, dtype=torch.float32)
        n_values = h_TBHWC[0].numel()
        for t in range(len(h_TBHWC)):
            before = max(t - 1, 0)
            from_hidden = convolved(h_TBHWC[before], w_h) if t else gates
            kernels.gates[(-(-n_values // VALUES),)](
                gates[t], from_hidden, bias, c_TBHWC[before], c_TBHWC[t], h_TBHWC[t],
                n_values, hidden, FIRST=t == 0, M=VALUES,
            )  # fmt: skip
        ctx.save_for_backward(x_TBHWC, w_x, w_h, gates, c_TBHWC, h_TBHWC)
        return h_TBHWC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_TBHWC: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x_TBHWC, w_x, w_h, gates, c_TBHWC, h_TBHWC = ctx.saved_tensors
        grad_TBHWC = grad_TBHWC.contiguous()
        d_gates = torch.empty_like(gates)
        hidden, last = w_h.shape[1], len(h_TBHWC) - 1
        n_values = h_TBHWC[0].numel()
        dc_BHWC = torch.empty_like(c_TBHWC[0])
        after = h_TBHWC[0]
        for t in range(last, -1, -1):
            kernels.gates_grad[(-(-n_values // VALUES),)](
                gates[t], c_TBHWC[max(t - 1, 0)], c_TBHWC[t], grad_TBHWC[t], after, dc_BHWC,
                d_gates[t], n_values, hidden, FIRST=t == 0, LAST=t == last, M=VALUES,
            )  # fmt: skip
            if t:
                after = input_grad(d_gates[t], h_TBHWC[t - 1], w_h)
        d_gates_NHWC, x_NHWC = d_gates.flatten(0, 1), x_TBHWC.flatten(0, 1)
        dx_TBHWC = input_grad(d_gates_NHWC, x_NHWC, w_x).view_as(x_TBHWC)
        dw_x = weight_grad(d_gates_NHWC, x_NHWC, w_x)
        # Of one time step alone no gradient reaches W_h: H_0 is zero.
        h_before, d_after = h_TBHWC[:-1].flatten(0, 1), d_gates[1:].flatten(0, 1)
        dw_h = weight_grad(d_after, h_before, w_h) if last else torch.zeros_like(w_h.float())
        d_bias = d_gates_NHWC.flatten(0, -2).sum(0, dtype=torch.float32)
        return dx_TBHWC, dw_x, d_bias, dw_h
