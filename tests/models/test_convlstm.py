"""The ConvLSTM: the paper's equations, their derivative, Keras; and dropout of clips."""

import importlib
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.models.convlstm import ConvLSTM
from aislewatch.models.dropout import ClipDropout, uniform

# ConvLSTM


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def convolve(x_CHW: Any, weights_OCKK: Any) -> Any:
    """Zero-padded cross-correlation, one output value at a time."""
    out, _, side, _ = weights_OCKK.shape
    _, height, width = x_CHW.shape
    padded = np.pad(x_CHW, ((0, 0), (side // 2,) * 2, (side // 2,) * 2))
    y_OHW = np.zeros((out, height, width))
    for o, i, j in itertools.product(range(out), range(height), range(width)):
        y_OHW[o, i, j] = (padded[:, i : i + side, j : j + side] * weights_OCKK[o]).sum()
    return y_OHW


def test_convlstm_is_the_papers_equations() -> None:
    torch.manual_seed(0)
    layer = ConvLSTM(in_channels=2, hidden_channels=3, kernel_size=3).double()
    x_BTCHW = torch.randn(2, 4, 2, 5, 4, dtype=torch.float64)
    w_x, b, w_h = (
        parameter.detach().numpy()
        for parameter in (layer.from_input.weight, layer.from_input.bias, layer.from_hidden.weight)
    )
    w_xi, w_xf, w_xc, w_xo = np.split(w_x, 4)
    w_hi, w_hf, w_hc, w_ho = np.split(w_h, 4)
    b_i, b_f, b_c, b_o = (part[:, None, None] for part in np.split(b, 4))
    h_BTCHW = layer(x_BTCHW).detach().numpy()
    for x_TCHW, h_TCHW in zip(x_BTCHW.numpy(), h_BTCHW, strict=True):
        h = c = np.zeros((3, 5, 4))
        for x, h_got in zip(x_TCHW, h_TCHW, strict=True):
            i = sigmoid(convolve(x, w_xi) + convolve(h, w_hi) + b_i)  # eq. 1, with W_xi
            f = sigmoid(convolve(x, w_xf) + convolve(h, w_hf) + b_f)  # eq. 2
            c = f * c + i * np.tanh(convolve(x, w_xc) + convolve(h, w_hc) + b_c)  # eq. 3
            o = sigmoid(convolve(x, w_xo) + convolve(h, w_ho) + b_o)  # eq. 4
            h = o * np.tanh(c)  # where the paper prints eq. 5
            np.testing.assert_allclose(h_got, h, atol=1e-12)


def test_convlstm_gradient_is_the_derivative() -> None:
    torch.manual_seed(0)
    layer = ConvLSTM(in_channels=1, hidden_channels=1, kernel_size=3).double()
    x_BTCHW = torch.randn(1, 3, 1, 2, 3, dtype=torch.float64, requires_grad=True)
    inputs = (x_BTCHW, *layer.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), inputs, fast_mode=True)


@pytest.fixture(scope="module")
def keras() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        return importlib.import_module("keras")


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_convlstm_is_keras_forward_and_backward(keras: Any, kernel_size: int) -> None:
    torch.manual_seed(0)
    ours = ConvLSTM(in_channels=3, hidden_channels=8, kernel_size=kernel_size)
    theirs = keras.layers.ConvLSTM2D(8, kernel_size, padding="same", return_sequences=True)
    x_BTCHW = torch.randn(2, 16, 3, 12, 10, requires_grad=True)
    x_BTHWC = x_BTCHW.detach().permute(0, 1, 3, 4, 2).clone().requires_grad_()
    theirs.build(x_BTHWC.shape)
    # Both start alike where no draw is involved: the forget gate open, the other biases zero.
    torch.testing.assert_close(ours.from_input.bias, theirs.trainable_variables[2].value)
    kernels = (ours.from_input.weight, ours.from_hidden.weight)  # OIKK, Keras' are KKIO
    bias = torch.randn(4 * 8)
    with torch.no_grad():
        ours.from_input.bias.copy_(bias)
    theirs.set_weights([*(k.detach().permute(2, 3, 1, 0).numpy() for k in kernels), bias.numpy()])
    h_BTCHW, h_BTHWC = ours(x_BTCHW), theirs(x_BTHWC)
    torch.testing.assert_close(h_BTCHW, h_BTHWC.permute(0, 1, 4, 2, 3), atol=1e-5, rtol=0)

    # A loss in which every hidden state counts with a weight of its own.
    weights_BTCHW = torch.randn_like(h_BTCHW)
    (h_BTCHW * weights_BTCHW).sum().backward()
    (h_BTHWC.permute(0, 1, 4, 2, 3) * weights_BTCHW).sum().backward()
    kernel, recurrent_kernel, their_bias = (v.value.grad for v in theirs.trainable_variables)
    pairs = [
        (x_BTCHW.grad, x_BTHWC.grad.permute(0, 1, 4, 2, 3)),
        (kernels[0].grad, kernel.permute(3, 2, 0, 1)),
        (kernels[1].grad, recurrent_kernel.permute(3, 2, 0, 1)),
        (ours.from_input.bias.grad, their_bias),
    ]
    for our_gradient, their_gradient in pairs:
        largest = float(their_gradient.abs().max())
        torch.testing.assert_close(our_gradient, their_gradient, atol=1e-5 * largest, rtol=0)


# Dropout


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6), st.integers(1, 50))
def test_dropout_belongs_to_the_clip(seeds: list[int], features: int) -> None:
    layer, seeds_B = ClipDropout(0.5), torch.tensor(seeds)
    x_BD = torch.ones(len(seeds), features)
    together = layer(x_BD, seeds_B)
    assert set(together.unique().tolist()) <= {0.0, 2.0}
    for row in range(len(seeds)):
        assert torch.equal(layer(x_BD[row : row + 1], seeds_B[row : row + 1])[0], together[row])
    assert torch.equal(layer.eval()(x_BD, seeds_B), x_BD)


def test_dropout_draws_as_if_at_random() -> None:
    u_BD = uniform(torch.arange(2000), 300).double()
    assert ((u_BD >= 0) & (u_BD < 1)).all()
    counts = torch.histc(u_BD, bins=50, min=0, max=1)
    assert ((counts - 12_000).abs() < 5 * 12_000**0.5).all()
    # Neighbouring clips and neighbouring features know nothing of each other.
    for a, b in ((u_BD[1:], u_BD[:-1]), (u_BD[:, 1:], u_BD[:, :-1])):
        assert abs(float(torch.corrcoef(torch.stack([a.ravel(), b.ravel()]))[0, 1])) < 5 / 774
