"""Convolutions of torch, for pictures that lie as rows of channels (NHWC) and keep their size."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d


def convolved(x_NHWC: Tensor, weights: Tensor) -> Tensor:
    """Convolve without bias, keeping the pictures' size.

    Args:
        x_NHWC: (N, H, W, C), bfloat16 on the GPU; any floating dtype that ``weights`` has too.
        weights: (K, C, k, k), k odd.

    Returns:
        (N, H, W, K), of the same dtype, contiguous.
    """
    y_NCHW = conv2d(x_NHWC.permute(0, 3, 1, 2), weights, padding=weights.shape[-1] // 2)
    return y_NCHW.permute(0, 2, 3, 1).contiguous()


def input_grad(grad_NHWC: Tensor, x_NHWC: Tensor, weights: Tensor) -> Tensor:
    """Compute the gradient of ``convolved`` by its pictures.

    Args:
        grad_NHWC: of its result, (N, H, W, K).
        x_NHWC: (N, H, W, C), of the same dtype; only its shape counts.
        weights: (K, C, k, k), of the same dtype.

    Returns:
        (N, H, W, C), of the same dtype, contiguous.
    """
    dx_NCHW, _, _ = _gradients(grad_NHWC, x_NHWC, weights, [True, False, False])
    return dx_NCHW.permute(0, 2, 3, 1).contiguous()


def weight_grad(grad_NHWC: Tensor, x_NHWC: Tensor, weights: Tensor) -> Tensor:
    """Compute the gradient of ``convolved`` by its weights.

    Args:
        grad_NHWC: of its result, (N, H, W, K).
        x_NHWC: the pictures, (N, H, W, C), of the same dtype.
        weights: (K, C, k, k), of the same dtype; only their shape counts.

    Returns:
        (K, C, k, k), float32, in which the optimizer keeps its weights.
    """
    _, dw, _ = _gradients(grad_NHWC, x_NHWC, weights, [False, True, False])
    return dw.float()


def _gradients(
    grad_NHWC: Tensor, x_NHWC: Tensor, weights: Tensor, wanted: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    grad_NCHW, x_NCHW = (values.permute(0, 3, 1, 2) for values in (grad_NHWC, x_NHWC))
    padding = [weights.shape[-1] // 2] * 2
    grads: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        grad_NCHW, x_NCHW, weights, None, [1, 1], padding, [1, 1], False, [0, 0], 1, wanted
    )
    return grads


def power_of_two(count: int) -> int:
    """Return the least power of two not below ``count`` (1 or more): what Triton's blocks need."""
    return 1 << (count - 1).bit_length()
