"""``FrameEncoder`` by our own GPU kernels: the same numbers, far fewer passes over memory.

The time of a training step is spent on memory, not on arithmetic. So the first level, whose picture
is the largest, never writes it: its backward pass gathers the input again. Of the other levels
bias, ReLU and pooling are one pass, and going back they need one byte a pooled value.

Shapes: N = T·B pictures, by time, then by clip; other letters as in ``models/encoder.py``.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from aislewatch.train.kernels import encoder_kernels as kernels
from aislewatch.train.kernels.convolutions import convolved, input_grad, power_of_two, weight_grad

# Rows (pooled pixels) of a program, and programs of the kernels that sum over all rows: four a
# multiprocessor of an H100 (132).
ROWS = 128
SUMMING_PROGRAMS = 528


def encode(x_BTCHW: Tensor, convolutions: Sequence[nn.Conv2d], dtype: torch.dtype) -> Tensor:
    """Compute what ``FrameEncoder`` computes: feature maps f_BTCHW of ``dtype``.

    Args:
        x_BTCHW: frames of even height and width; no gradient reaches them.
        convolutions: 3×3, with a bias, of each level.
        dtype: of the products; sums are float32.
    """
    batch, steps = x_BTCHW.shape[:2]
    save = torch.is_grad_enabled()
    f_NHWC: Tensor = packed(x_BTCHW, dtype).flatten(0, 1)
    for number, layer in enumerate(convolutions):
        level = _Level if number else _FirstLevel
        f_NHWC = level.apply(f_NHWC, layer.weight, layer.bias, save)  # type: ignore[no-untyped-call]
    return f_NHWC.view(steps, batch, *f_NHWC.shape[1:]).permute(1, 0, 4, 2, 3)


def packed(x_BTCHW: Tensor, dtype: torch.dtype) -> Tensor:
    """Pack frames as (T, B, H, W, C), C filled up with zeros to a power of two of at least 4.

    So that the channels of a pixel are one read of 8 bytes.
    """
    x_TBHWC = x_BTCHW.permute(1, 0, 3, 4, 2)
    *shape, channels = x_TBHWC.shape
    room = max(4, power_of_two(channels))
    strides = torch.empty(*shape, room, device="meta").stride()
    # So ``clip_input`` leaves it. Should a tensor lie so by chance, its fill meets zero weights.
    if x_BTCHW.dtype == dtype and x_TBHWC.stride() == strides:
        return x_TBHWC.as_strided((*shape, room), strides)
    out_TBHWC = torch.zeros(*shape, room, dtype=dtype, device=x_BTCHW.device)
    out_TBHWC[..., :channels] = x_TBHWC
    return out_TBHWC


class _FirstLevel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NHWC: Tensor, weights: Tensor, bias: Tensor, save: bool) -> Tensor:
        pictures, height, width, channels = x_NHWC.shape
        out_NHWC = x_NHWC.new_empty(pictures, height // 2, width // 2, len(weights))
        choice_NHWC = torch.empty_like(out_NHWC, dtype=torch.uint8) if save else out_NHWC
        n_rows = out_NHWC.numel() // len(weights)
        w_QKO = _four_places(weights, channels).to(x_NHWC.dtype)
        kernels.first_level[(-(-n_rows // ROWS),)](
            x_NHWC, w_QKO, bias, out_NHWC, choice_NHWC, n_rows, height, width, len(weights),
            CHANNELS=channels, OUT=w_QKO.shape[-1], SAVE=save, M=ROWS,
        )  # fmt: skip
        if save:
            ctx.save_for_backward(x_NHWC, choice_NHWC)
            ctx.shape = weights.shape
        return out_NHWC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NHWC: Tensor) -> tuple[None, Tensor, Tensor, None]:
        x_NHWC, choice_NHWC = ctx.saved_tensors
        height, width, channels = x_NHWC.shape[1:]
        n_out, n_in = ctx.shape[:2]
        room = max(16, power_of_two(n_out))
        sums = x_NHWC.new_empty(SUMMING_PROGRAMS, 4, 4, 4, channels, room, dtype=torch.float32)
        bias_sums = x_NHWC.new_empty(SUMMING_PROGRAMS, room, dtype=torch.float32)
        kernels.first_level_grad[(SUMMING_PROGRAMS,)](
            x_NHWC, grad_NHWC.contiguous(), choice_NHWC, sums, bias_sums,
            grad_NHWC.numel() // n_out, height, width, n_out,
            CHANNELS=channels, OUT=room, M=ROWS,
        )  # fmt: skip
        g_QYXCO = sums.sum(0)[..., :n_in, :n_out]
        places = [g_QYXCO[2 * y + x, y : y + 3, x : x + 3] for y in (0, 1) for x in (0, 1)]
        g_YXCO = torch.stack(places).sum(0)
        return None, g_YXCO.permute(3, 2, 0, 1), bias_sums.sum(0)[:n_out], None


def _four_places(weights: Tensor, channels: int) -> Tensor:
    """Lay 3×3 weights at the four places (Q) of a 4 × 4 patch, as matrices (Q, 16 channels, O)."""
    n_out, n_in = weights.shape[:2]
    w_QYXCO = weights.new_zeros(4, 4, 4, channels, max(16, power_of_two(n_out)))
    for y in (0, 1):
        for x in (0, 1):
            place = w_QYXCO[2 * y + x, y : y + 3, x : x + 3, :n_in, :n_out]
            place.copy_(weights.detach().permute(2, 3, 1, 0))
    return w_QYXCO.view(4, 16 * channels, -1)


class _Level(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NHWC: Tensor, weights: Tensor, bias: Tensor, save: bool) -> Tensor:
        w = weights.to(x_NHWC.dtype)
        y_NHWC = convolved(x_NHWC, w)
        pictures, height, width, channels = y_NHWC.shape
        out_NHWC = x_NHWC.new_empty(pictures, height // 2, width // 2, channels)
        choice_NHWC = torch.empty_like(out_NHWC, dtype=torch.uint8) if save else out_NHWC
        n_rows = out_NHWC.numel() // channels
        block = power_of_two(channels)
        rows = max(1, 4096 // block)
        kernels.pool[(-(-n_rows // rows),)](
            y_NHWC, bias, out_NHWC, choice_NHWC, n_rows, height, width, channels,
            C=block, SAVE=save, M=rows,
        )  # fmt: skip
        if save:
            ctx.save_for_backward(x_NHWC, w, choice_NHWC)
        return out_NHWC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NHWC: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x_NHWC, w, choice_NHWC = ctx.saved_tensors
        pictures, height, width, _ = x_NHWC.shape
        channels = len(w)
        # The last row or column of an odd picture is in no pooled pixel; its gradient is zero.
        empty = x_NHWC.new_zeros if height % 2 or width % 2 else x_NHWC.new_empty
        dy_NHWC = empty((pictures, height, width, channels))
        block = power_of_two(channels)
        bias_sums = x_NHWC.new_empty(SUMMING_PROGRAMS, block, dtype=torch.float32)
        kernels.unpool[(SUMMING_PROGRAMS,)](
            grad_NHWC.contiguous(), choice_NHWC, dy_NHWC, bias_sums,
            grad_NHWC.numel() // channels, height, width, channels,
            C=block, M=max(1, 4096 // block),
        )  # fmt: skip
        dx_NHWC = input_grad(dy_NHWC, x_NHWC, w)
        return dx_NHWC, weight_grad(dy_NHWC, x_NHWC, w), bias_sums.sum(0)[:channels], None
