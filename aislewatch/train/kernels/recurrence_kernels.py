"""GPU kernels of ``recurrence.py``: what lies between the convolutions of a time step.

A program computes M values of the state; the gates i f c o of a pixel lie one after the other.
"""

import triton
import triton.language as tl


@triton.jit
def _sigmoid(x):
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def _tanh(x):
    return 2.0 * _sigmoid(2.0 * x) - 1.0


@triton.jit
def gates(
    from_input, from_hidden, bias, c_before, c, h, n_values, hidden,
    FIRST: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """Apply eqs. 1 to 5 to the convolutions of one time step; ``from_input`` becomes i, f, g, o."""
    values_M = tl.program_id(0) * M + tl.arange(0, M)
    valid_M = values_M < n_values
    channel_M = values_M % hidden
    at_M = (values_M // hidden).to(tl.int64) * 4 * hidden + channel_M
    i = tl.load(from_input + at_M, mask=valid_M, other=0.0).to(tl.float32)
    f = tl.load(from_input + at_M + hidden, mask=valid_M, other=0.0).to(tl.float32)
    g = tl.load(from_input + at_M + 2 * hidden, mask=valid_M, other=0.0).to(tl.float32)
    o = tl.load(from_input + at_M + 3 * hidden, mask=valid_M, other=0.0).to(tl.float32)
    if not FIRST:
        i += tl.load(from_hidden + at_M, mask=valid_M, other=0.0).to(tl.float32)
        f += tl.load(from_hidden + at_M + hidden, mask=valid_M, other=0.0).to(tl.float32)
        g += tl.load(from_hidden + at_M + 2 * hidden, mask=valid_M, other=0.0).to(tl.float32)
        o += tl.load(from_hidden + at_M + 3 * hidden, mask=valid_M, other=0.0).to(tl.float32)
    i = _sigmoid(i + tl.load(bias + channel_M))
    f = _sigmoid(f + tl.load(bias + channel_M + hidden))
    g = _tanh(g + tl.load(bias + channel_M + 2 * hidden))
    o = _sigmoid(o + tl.load(bias + channel_M + 3 * hidden))
    c_M = i * g
    if not FIRST:
        c_M += f * tl.load(c_before + values_M, mask=valid_M, other=0.0)
    tl.store(c + values_M, c_M, mask=valid_M)
    tl.store(h + values_M, (o * _tanh(c_M)).to(h.dtype.element_ty), mask=valid_M)
    kind = from_input.dtype.element_ty
    tl.store(from_input + at_M, i.to(kind), mask=valid_M)
    tl.store(from_input + at_M + hidden, f.to(kind), mask=valid_M)
    tl.store(from_input + at_M + 2 * hidden, g.to(kind), mask=valid_M)
    tl.store(from_input + at_M + 3 * hidden, o.to(kind), mask=valid_M)


@triton.jit
def gates_grad(
    activated, c_before, c, grad_h, grad_h_after, grad_c, out, n_values, hidden,
    FIRST: tl.constexpr, LAST: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """Compute ``gates``' gradient by the sums before activation; ``grad_c`` goes on to t - 1."""
    values_M = tl.program_id(0) * M + tl.arange(0, M)
    valid_M = values_M < n_values
    at_M = (values_M // hidden).to(tl.int64) * 4 * hidden + values_M % hidden
    i = tl.load(activated + at_M, mask=valid_M, other=0.0).to(tl.float32)
    f = tl.load(activated + at_M + hidden, mask=valid_M, other=0.0).to(tl.float32)
    g = tl.load(activated + at_M + 2 * hidden, mask=valid_M, other=0.0).to(tl.float32)
    o = tl.load(activated + at_M + 3 * hidden, mask=valid_M, other=0.0).to(tl.float32)
    tanh_c = _tanh(tl.load(c + values_M, mask=valid_M, other=0.0))
    dh = tl.load(grad_h + values_M, mask=valid_M, other=0.0).to(tl.float32)
    if not LAST:
        dh += tl.load(grad_h_after + values_M, mask=valid_M, other=0.0).to(tl.float32)
    dc = dh * o * (1.0 - tanh_c * tanh_c)
    if not LAST:
        dc += tl.load(grad_c + values_M, mask=valid_M, other=0.0)
    kind = out.dtype.element_ty
    tl.store(out + at_M, (dc * g * i * (1.0 - i)).to(kind), mask=valid_M)
    df = tl.zeros_like(dc)
    if not FIRST:
        df = dc * tl.load(c_before + values_M, mask=valid_M, other=0.0) * f * (1.0 - f)
        tl.store(grad_c + values_M, dc * f, mask=valid_M)
    tl.store(out + at_M + hidden, df.to(kind), mask=valid_M)
    tl.store(out + at_M + 2 * hidden, (dc * i * (1.0 - g * g)).to(kind), mask=valid_M)
    tl.store(out + at_M + 3 * hidden, (dh * tanh_c * o * (1.0 - o)).to(kind), mask=valid_M)
