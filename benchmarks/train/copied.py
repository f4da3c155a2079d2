"""The PyTorch ConvLSTM that is copied from project to project, around the same encoder and head.

Every step concatenates the input and the hidden state and runs one convolution over both, as in the
repositories that a search for "ConvLSTM PyTorch" finds first. With the weights of one convolution
cut in two it computes what ours does.
"""

import torch
from torch import Tensor, nn

from aislewatch.models.encoder import FrameEncoder, pooled_side


class CopiedConvLSTM(nn.Module):
    """One ConvLSTM layer, the input's convolution repeated inside the loop over time."""

    def __init__(self, in_channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.conv = nn.Conv2d(in_channels + hidden_channels, 4 * hidden_channels, 3, padding=1)

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        """Hidden states of all time steps."""
        batch, _, _, height, width = x_BTCHW.shape
        h_BCHW = x_BTCHW.new_zeros(batch, self.hidden_channels, height, width)
        c_BCHW = h_BCHW
        hidden = []
        for x_BCHW in x_BTCHW.unbind(1):
            combined = self.conv(torch.cat([x_BCHW, h_BCHW], dim=1))
            i, f, g, o = torch.split(combined, self.hidden_channels, dim=1)
            c_BCHW = torch.sigmoid(f) * c_BCHW + torch.sigmoid(i) * torch.tanh(g)
            h_BCHW = torch.sigmoid(o) * torch.tanh(c_BCHW)
            hidden.append(h_BCHW)
        return torch.stack(hidden, dim=1)


class CopiedNet(nn.Module):
    """The reference network with that layer."""

    def __init__(self, input_size: int, encoder_channels: list[int], hidden_channels: int) -> None:
        super().__init__()
        self.encoder = FrameEncoder(3, encoder_channels)
        self.convlstm = CopiedConvLSTM(encoder_channels[-1], hidden_channels)
        self.pool = nn.MaxPool2d(2)
        side = pooled_side(input_size, len(encoder_channels) + 1)
        self.dense = nn.Linear(hidden_channels * side * side, 1)

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        """Logits (B,)."""
        h_BTCHW = self.convlstm(self.encoder(x_BTCHW))
        logits_B1: Tensor = self.dense(self.pool(h_BTCHW.amax(dim=1)).flatten(1))
        return logits_B1.squeeze(1)
