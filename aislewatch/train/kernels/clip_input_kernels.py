"""The GPU kernel of ``clip_input.py``; a program computes M pixels of a picture."""

import triton
import triton.language as tl


@triton.jit
def _axis(start, length, out_M, n_out, n_in):
    """Return begin and end of what output pixel ``out_M`` averages in a line, in input pixels."""
    begin_M = (start + length * (out_M / n_out)) * n_in
    return begin_M, (start + length * ((out_M + 1) / n_out)) * n_in


@triton.jit
def _share(begin_M, end_M, pixel_M, n_in):
    """Return how much of input pixel ``pixel_M`` lies in ``[begin, end]``."""
    overlap_M = tl.minimum(end_M, pixel_M + 1.0) - tl.maximum(begin_M, pixel_M)
    return tl.where(pixel_M < n_in, tl.maximum(overlap_M, 0.0), 0.0)


@triton.jit
def _averaged(
    plane, before, valid_M, top, left, side, row_M, column_M, n_out, n_in,
    DIFFERENCE: tl.constexpr, TAPS: tl.constexpr,
):  # fmt: skip
    """Average a plane over the part that each output pixel covers, as ``area_weights`` does."""
    y0_M, y1_M = _axis(top, side, row_M.to(tl.float32), n_out, n_in)
    x0_M, x1_M = _axis(left, side, column_M.to(tl.float32), n_out, n_in)
    sum_M = tl.zeros_like(y0_M)
    weight_M = tl.zeros_like(y0_M)
    for i in tl.static_range(TAPS):
        y_M = tl.floor(y0_M) + i
        share_y_M = _share(y0_M, y1_M, y_M, n_in)
        for j in tl.static_range(TAPS):
            x_M = tl.floor(x0_M) + j
            share_M = share_y_M * _share(x0_M, x1_M, x_M, n_in)
            at_M = y_M.to(tl.int32) * n_in + x_M.to(tl.int32)
            read_M = valid_M & (share_M > 0)
            value_M = tl.load(plane + at_M, mask=read_M, other=0).to(tl.float32)
            if DIFFERENCE:
                value_M -= tl.load(before + at_M, mask=read_M, other=0).to(tl.float32)
            sum_M += share_M * value_M
            weight_M += share_M
    # Pixels past the picture have no weight.
    return sum_M / tl.maximum(weight_M, 1e-30)


@triton.jit
def clip_input(
    yuv, views, out, batch, steps, size, n_out, black, chroma_zero, luma_scale,
    red_v, green_u, green_v, blue_u, mean, scale,
    DIFFERENCE: tl.constexpr, LUMA_TAPS: tl.constexpr, CHROMA_TAPS: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """Run ``ClipInput`` in one pass: crop, scale, mirror, RGB, gain, difference, normalise.

    ``yuv`` lies by clip, then by time; ``out`` (T, B, H, W, 4) by time, its fourth channel zero.
    """
    picture = tl.program_id(1)
    t, b = picture // batch, picture % batch
    left, top, side = tl.load(views + b * 5), tl.load(views + b * 5 + 1), tl.load(views + b * 5 + 2)
    mirrored, gain = tl.load(views + b * 5 + 3), tl.load(views + b * 5 + 4)
    pixels_M = tl.program_id(0) * M + tl.arange(0, M)
    valid_M = pixels_M < n_out * n_out
    row_M, column_M = pixels_M // n_out, pixels_M % n_out
    column_M = tl.where(mirrored > 0.5, n_out - 1 - column_M, column_M)
    half = size // 2
    y = yuv + (b * steps + t).to(tl.int64) * (size * size * 3 // 2)
    # The first frame has none before it: its difference is that to itself.
    before = y - tl.where(t > 0, size * size * 3 // 2, 0)
    luma_M = _averaged(
        y, before, valid_M, top, left, side, row_M, column_M, n_out, size, DIFFERENCE, LUMA_TAPS
    )
    u, u_before = y + size * size, before + size * size
    u_M = _averaged(
        u, u_before, valid_M, top, left, side, row_M, column_M, n_out, half, DIFFERENCE, CHROMA_TAPS
    )
    v, v_before = u + half * half, u_before + half * half
    v_M = _averaged(
        v, v_before, valid_M, top, left, side, row_M, column_M, n_out, half, DIFFERENCE, CHROMA_TAPS
    )
    if not DIFFERENCE:
        luma_M -= black
        u_M -= chroma_zero
        v_M -= chroma_zero
    luma_M *= luma_scale
    scaled = gain * scale
    red_M = (luma_M + red_v * v_M) * scaled - mean * scale
    green_M = (luma_M + green_u * u_M + green_v * v_M) * scaled - mean * scale
    blue_M = (luma_M + blue_u * u_M) * scaled - mean * scale
    kind = out.dtype.element_ty
    at_M = out + (picture.to(tl.int64) * n_out * n_out + pixels_M) * 4
    tl.store(at_M, red_M.to(kind), mask=valid_M)
    tl.store(at_M + 1, green_M.to(kind), mask=valid_M)
    tl.store(at_M + 2, blue_M.to(kind), mask=valid_M)
    tl.store(at_M + 3, tl.zeros_like(red_M).to(kind), mask=valid_M)
