"""ConvLSTM network of the paper "Towards Intelligent Retail Security", sections 3 and 4.

Equations 1-5 are cited where they are computed. Where the paper's print is wrong or silent:

* eq. 1 has W_xf, the forget gate's weights, where the input gate's own W_xi belongs;
* eq. 3 writes the input gate of eq. 1, i_t, as It;
* eq. 5 repeats the dense layer's y = σ(Wx + b) where H_t = o_t ⊙ tanh(C_t) belongs (Shi et al.
  2015, eq. 3, the source of the form);
* no equation has Shi's peepholes (W_ci ⊙ C and so on); neither have we, nor Keras' ConvLSTM2D,
  which this layer equals, forward and backward, by a test;
* figure 2, and the words below it, show global average pooling where sections 3 and 4 say
  MaxPooling3D; we follow the sections. MaxPooling3D's formula ends its window over time at
  t s_t + p_(t-1) where p_t - 1 is meant;
* channels, kernel size and the number of layers are not given; params.yaml chooses them.

Shapes: B clips, T frames, C channels, H and W pixels.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from aislewatch.models.dropout import ClipDropout
from aislewatch.models.encoder import FrameEncoder, Norm, pooled_side


class ConvLSTM(nn.Module):
    """One ConvLSTM layer that keeps the picture's size.

    Args:
        in_channels: channels of the input.
        hidden_channels: channels of the hidden state H and the cell state C.
        kernel_size: pixels a side of every convolution, odd.
    """

    def __init__(self, in_channels: int, hidden_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        # As in FrameEncoder: the input, then the convolutions of input and state.
        self.kernels: Callable[[Tensor, nn.Conv2d, nn.Conv2d], Tensor] | None = None
        gates = 4 * hidden_channels
        # W_x* and b_* of eqs. 1-4 in one convolution, W_h* in another; gates in the order i f c o.
        self.from_input = nn.Conv2d(in_channels, gates, kernel_size, padding="same")
        self.from_hidden = nn.Conv2d(
            hidden_channels, gates, kernel_size, padding="same", bias=False
        )
        # A forget gate that starts open lets gradients through 16 steps (Jozefowicz et al. 2015);
        # Keras' default too.
        assert self.from_input.bias is not None
        with torch.no_grad():
            self.from_input.bias.zero_()
            self.from_input.bias[hidden_channels : 2 * hidden_channels] = 1.0

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        """Compute the hidden states h_BTCHW of all time steps; H_0 and C_0 are zero."""
        if self.kernels is not None:
            return self.kernels(x_BTCHW, self.from_input, self.from_hidden)
        batch, steps, _, height, width = x_BTCHW.shape
        # W_x * X_t + b does not wait for H_(t-1): all time steps at once, one large convolution.
        x_gates = self.from_input(x_BTCHW.flatten(0, 1)).unflatten(0, (batch, steps))
        h_BCHW = x_BTCHW.new_zeros(batch, self.hidden_channels, height, width)
        c_BCHW = h_BCHW
        hidden = []
        for x_gates_t in x_gates.unbind(1):
            i, f, g, o = (x_gates_t + self.from_hidden(h_BCHW)).chunk(4, dim=1)
            i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()  # eqs. 1 (with W_xi), 2 and 4
            c_BCHW = f * c_BCHW + i * g.tanh()  # eq. 3
            h_BCHW = o * c_BCHW.tanh()  # what eq. 5 should be
            hidden.append(h_BCHW)
        return torch.stack(hidden, dim=1)


class ConvLSTMNet(nn.Module):
    """Time-distributed CNN, ConvLSTM, 3-D max pooling, dropout, dense: the paper's section 4."""

    architecture = "convlstm"

    def __init__(
        self,
        in_channels: int,
        input_size: int,
        encoder_channels: Sequence[int],
        hidden_channels: int,
        kernel_size: int,
        dropout: float,
        norm: Norm = "none",
    ) -> None:
        super().__init__()
        self.encoder = FrameEncoder(in_channels, encoder_channels, norm)
        self.convlstm = ConvLSTM(self.encoder.out_channels, hidden_channels, kernel_size)
        self.pool = nn.MaxPool2d(2)
        side = pooled_side(input_size, len(encoder_channels) + 1)
        self.dropout = ClipDropout(dropout)
        self.dense = nn.Linear(hidden_channels * side * side, 1)

    def forward(self, x_BTCHW: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Compute logits (B,); their sigmoid is the probability of shoplifting.

        ``seeds_B`` as in ``ClipDropout``.
        """
        h_BTCHW = self.convlstm(self.encoder(x_BTCHW))
        # MaxPooling3D over (T, 2, 2), as a maximum over time and MaxPool2d: the backward pass of
        # MaxPool3d is not deterministic on CUDA.
        pooled_BCHW = self.pool(h_BTCHW.amax(dim=1))
        logits_B1: Tensor = self.dense(self.dropout(pooled_BCHW.flatten(1), seeds_B))
        return logits_B1.squeeze(1)
