"""GPU kernels of ``encoder.py``, in Triton, which CUDA builds of torch bring along.

Pictures lie as rows of channels (NHWC); the M rows of a program are pixels of the pooled picture.
Nothing is added up by atomics, so the same input gives the same bits. Sums are float32.
Row offsets are 64-bit: a batch of 512 clips has more than 2^31 values in the second level.
"""

import triton
import triton.language as tl

# What ``choice`` holds where ReLU let nothing through: none of the four pixels 0 to 3.
NONE = tl.constexpr(4)


@triton.jit
def _pooled_pixel(rows_M, side_h, side_w):
    """Return picture, row and column of pooled pixels."""
    column_M = rows_M % side_w
    row_M = (rows_M // side_w) % side_h
    return (rows_M // (side_w * side_h)).to(tl.int64), row_M, column_M


@triton.jit
def _patches(x, rows_M, n_rows, height, width, CHANNELS: tl.constexpr):
    """Load the 4 × 4 pixels (M, 16 CHANNELS) that four 3×3 convolutions of a pooled pixel see."""
    picture_M, row_M, column_M = _pooled_pixel(rows_M, height // 2, width // 2)
    k_K = tl.arange(0, 16 * CHANNELS)
    row_MK = 2 * row_M[:, None] - 1 + (k_K // (4 * CHANNELS))[None, :]
    column_MK = 2 * column_M[:, None] - 1 + (k_K // CHANNELS % 4)[None, :]
    inside_MK = (row_MK >= 0) & (row_MK < height) & (column_MK >= 0) & (column_MK < width)
    offset_MK = (row_MK * width + column_MK) * CHANNELS + (k_K % CHANNELS)[None, :]
    pictures_M1 = x + picture_M[:, None] * height * width * CHANNELS
    return tl.load(pictures_M1 + offset_MK, mask=inside_MK & (rows_M < n_rows)[:, None], other=0.0)


@triton.jit
def _largest(y0, y1, y2, y3, bias):
    """Compute ReLU(max + bias) of four pixels, and which it was; the first of equals, as torch."""
    choice = tl.where(y1 > y0, 1, 0)
    best = tl.maximum(y0, y1)
    choice = tl.where(y2 > best, 2, choice)
    best = tl.maximum(best, y2)
    choice = tl.where(y3 > best, 3, choice)
    best = tl.maximum(best, y3) + bias
    return tl.maximum(best, 0.0), tl.where(best > 0, choice, NONE)


@triton.jit
def first_level(
    x, weights, bias, out, choice, n_rows, height, width, channels_out,
    CHANNELS: tl.constexpr, OUT: tl.constexpr, SAVE: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """Convolve, add bias, rectify and pool at once: the full picture never reaches memory.

    One product a pixel of the pooling's four, all with the same 4 × 4 patch.
    """
    rows_M = tl.program_id(0) * M + tl.arange(0, M)
    patch_MK = _patches(x, rows_M, n_rows, height, width, CHANNELS)
    c_O = tl.arange(0, OUT)
    w_KO = weights + tl.arange(0, 16 * CHANNELS)[:, None] * OUT + c_O[None, :]
    step: tl.constexpr = 16 * CHANNELS * OUT
    y0 = tl.dot(patch_MK, tl.load(w_KO), input_precision="ieee")
    y1 = tl.dot(patch_MK, tl.load(w_KO + step), input_precision="ieee")
    y2 = tl.dot(patch_MK, tl.load(w_KO + 2 * step), input_precision="ieee")
    y3 = tl.dot(patch_MK, tl.load(w_KO + 3 * step), input_precision="ieee")
    bias_O = tl.load(bias + c_O, mask=c_O < channels_out, other=0.0)
    best_MO, choice_MO = _largest(y0, y1, y2, y3, bias_O[None, :])
    at_MO = rows_M.to(tl.int64)[:, None] * channels_out + c_O[None, :]
    valid_MO = (rows_M < n_rows)[:, None] & (c_O < channels_out)[None, :]
    tl.store(out + at_MO, best_MO.to(out.dtype.element_ty), mask=valid_MO)
    if SAVE:
        tl.store(choice + at_MO, choice_MO.to(tl.uint8), mask=valid_MO)


@triton.jit
def first_level_grad(
    x, grad, choice, weight_parts, bias_parts, n_rows, height, width, channels_out,
    CHANNELS: tl.constexpr, OUT: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """Compute gradients of weights and bias, a partial sum a program; patches are read again."""
    c_O = tl.arange(0, OUT)
    k_K = tl.arange(0, 16 * CHANNELS)
    sum0 = tl.zeros((16 * CHANNELS, OUT), tl.float32)
    sum1 = tl.zeros((16 * CHANNELS, OUT), tl.float32)
    sum2 = tl.zeros((16 * CHANNELS, OUT), tl.float32)
    sum3 = tl.zeros((16 * CHANNELS, OUT), tl.float32)
    bias_O = tl.zeros((OUT,), tl.float32)
    for first in range(tl.program_id(0) * M, n_rows, tl.num_programs(0) * M):
        rows_M = first + tl.arange(0, M)
        patch_KM = tl.trans(_patches(x, rows_M, n_rows, height, width, CHANNELS))
        at_MO = rows_M.to(tl.int64)[:, None] * channels_out + c_O[None, :]
        valid_MO = (rows_M < n_rows)[:, None] & (c_O < channels_out)[None, :]
        g_MO = tl.load(grad + at_MO, mask=valid_MO, other=0.0)
        choice_MO = tl.load(choice + at_MO, mask=valid_MO, other=NONE)
        none = tl.zeros_like(g_MO)
        sum0 = tl.dot(patch_KM, tl.where(choice_MO == 0, g_MO, none), sum0, input_precision="ieee")
        sum1 = tl.dot(patch_KM, tl.where(choice_MO == 1, g_MO, none), sum1, input_precision="ieee")
        sum2 = tl.dot(patch_KM, tl.where(choice_MO == 2, g_MO, none), sum2, input_precision="ieee")
        sum3 = tl.dot(patch_KM, tl.where(choice_MO == 3, g_MO, none), sum3, input_precision="ieee")
        bias_O += tl.sum(tl.where(choice_MO != NONE, g_MO, none).to(tl.float32), axis=0)
    step: tl.constexpr = 16 * CHANNELS * OUT
    part = weight_parts + tl.program_id(0) * 4 * step + k_K[:, None] * OUT + c_O[None, :]
    tl.store(part, sum0)
    tl.store(part + step, sum1)
    tl.store(part + 2 * step, sum2)
    tl.store(part + 3 * step, sum3)
    tl.store(bias_parts + tl.program_id(0) * OUT + c_O, bias_O)


@triton.jit
def pool(
    y, bias, out, choice, n_rows, height, width, channels,
    C: tl.constexpr, SAVE: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """Apply bias, ReLU and 2×2 maximum to a convolution's output in one pass."""
    rows_M = tl.program_id(0) * M + tl.arange(0, M)
    picture_M, row_M, column_M = _pooled_pixel(rows_M, height // 2, width // 2)
    c_C = tl.arange(0, C)
    valid_MC = (rows_M < n_rows)[:, None] & (c_C < channels)[None, :]
    corner_M = (picture_M * height + 2 * row_M) * width + 2 * column_M
    corner_MC = y + corner_M[:, None] * channels + c_C[None, :]
    y0 = tl.load(corner_MC, mask=valid_MC, other=0.0).to(tl.float32)
    y1 = tl.load(corner_MC + channels, mask=valid_MC, other=0.0).to(tl.float32)
    y2 = tl.load(corner_MC + width * channels, mask=valid_MC, other=0.0).to(tl.float32)
    y3 = tl.load(corner_MC + (width + 1) * channels, mask=valid_MC, other=0.0).to(tl.float32)
    bias_C = tl.load(bias + c_C, mask=c_C < channels, other=0.0)
    best_MC, choice_MC = _largest(y0, y1, y2, y3, bias_C[None, :])
    at_MC = rows_M.to(tl.int64)[:, None] * channels + c_C[None, :]
    tl.store(out + at_MC, best_MC.to(out.dtype.element_ty), mask=valid_MC)
    if SAVE:
        tl.store(choice + at_MC, choice_MC.to(tl.uint8), mask=valid_MC)


@triton.jit
def unpool(
    grad, choice, out, bias_parts, n_rows, height, width, channels,
    C: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """Compute ``pool``'s gradient: each goes to its largest pixel; bias in partial sums."""
    c_C = tl.arange(0, C)
    bias_C = tl.zeros((C,), tl.float32)
    for first in range(tl.program_id(0) * M, n_rows, tl.num_programs(0) * M):
        rows_M = first + tl.arange(0, M)
        picture_M, row_M, column_M = _pooled_pixel(rows_M, height // 2, width // 2)
        valid_MC = (rows_M < n_rows)[:, None] & (c_C < channels)[None, :]
        at_MC = rows_M.to(tl.int64)[:, None] * channels + c_C[None, :]
        g_MC = tl.load(grad + at_MC, mask=valid_MC, other=0.0)
        choice_MC = tl.load(choice + at_MC, mask=valid_MC, other=NONE)
        none = tl.zeros_like(g_MC)
        corner_M = (picture_M * height + 2 * row_M) * width + 2 * column_M
        corner_MC = out + corner_M[:, None] * channels + c_C[None, :]
        below_MC = corner_MC + width * channels
        tl.store(corner_MC, tl.where(choice_MC == 0, g_MC, none), mask=valid_MC)
        tl.store(corner_MC + channels, tl.where(choice_MC == 1, g_MC, none), mask=valid_MC)
        tl.store(below_MC, tl.where(choice_MC == 2, g_MC, none), mask=valid_MC)
        tl.store(below_MC + channels, tl.where(choice_MC == 3, g_MC, none), mask=valid_MC)
        bias_C += tl.sum(tl.where(choice_MC != NONE, g_MC, none).to(tl.float32), axis=0)
    tl.store(bias_parts + tl.program_id(0) * C + c_C, bias_C)
