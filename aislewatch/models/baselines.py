"""The networks the paper compares with in Table 2: CNN-only, LSTM-only and CNN+LSTM.

The paper names them and says no more; these are the plain forms, with the ConvLSTM's encoder,
pooling, dropout and dense layer, so that only the handling of time differs.
Shapes: B clips, T frames, C channels, H and W pixels, D features, T steps.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from aislewatch.models.dropout import ClipDropout
from aislewatch.models.encoder import FrameEncoder, Norm, pooled_side

# Pixels a side of the picture the LSTM-only network sees, at least: every pixel costs 12 weights an
# LSTM unit (3 colours, 4 gates), and 16 × 16 already makes it the largest of the four networks.
LSTM_PICTURE = 16


class CNNNet(nn.Module):
    """CNN-only: every frame by itself, the features averaged over time; order is invisible."""

    architecture = "cnn"

    def __init__(
        self,
        in_channels: int,
        input_size: int,
        encoder_channels: Sequence[int],
        dropout: float,
        norm: Norm = "none",
    ) -> None:
        super().__init__()
        self.encoder = FrameEncoder(in_channels, encoder_channels, norm)
        self.pool = nn.MaxPool2d(2)
        side = pooled_side(input_size, len(encoder_channels) + 1)
        self.dropout = ClipDropout(dropout)
        self.dense = nn.Linear(self.encoder.out_channels * side * side, 1)

    def forward(self, x_BTCHW: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Compute logits (B,); ``seeds_B`` as in ``ClipDropout``."""
        f_BTCHW = self.encoder(x_BTCHW)
        pooled_BTD = self.pool(f_BTCHW.flatten(0, 1)).flatten(1).unflatten(0, f_BTCHW.shape[:2])
        logits_B1: Tensor = self.dense(self.dropout(pooled_BTD.mean(dim=1), seeds_B))
        return logits_B1.squeeze(1)


class LSTMNet(nn.Module):
    """LSTM-only: the pixels of every frame, averaged down and flattened, into an LSTM."""

    architecture = "lstm"

    def __init__(
        self, in_channels: int, input_size: int, hidden_channels: int, dropout: float
    ) -> None:
        super().__init__()
        self.shrink = nn.AvgPool2d(max(1, input_size // LSTM_PICTURE))
        side = input_size // max(1, input_size // LSTM_PICTURE)
        self.lstm = nn.LSTM(in_channels * side * side, hidden_channels, batch_first=True)
        self.dropout = ClipDropout(dropout)
        self.dense = nn.Linear(hidden_channels, 1)

    def forward(self, x_BTCHW: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Compute logits (B,); ``seeds_B`` as in ``ClipDropout``."""
        x_BTD = self.shrink(x_BTCHW.flatten(0, 1)).flatten(1).unflatten(0, x_BTCHW.shape[:2])
        h_BTD, _ = self.lstm(x_BTD)
        logits_B1: Tensor = self.dense(self.dropout(h_BTD.amax(dim=1), seeds_B))
        return logits_B1.squeeze(1)


class CNNLSTMNet(nn.Module):
    """CNN+LSTM: every frame's features, pooled and flattened, into an LSTM."""

    architecture = "cnn_lstm"

    def __init__(
        self,
        in_channels: int,
        input_size: int,
        encoder_channels: Sequence[int],
        hidden_channels: int,
        dropout: float,
        norm: Norm = "none",
    ) -> None:
        super().__init__()
        self.encoder = FrameEncoder(in_channels, encoder_channels, norm)
        self.pool = nn.MaxPool2d(2)
        side = pooled_side(input_size, len(encoder_channels) + 1)
        self.lstm = nn.LSTM(
            self.encoder.out_channels * side * side, hidden_channels, batch_first=True
        )
        self.dropout = ClipDropout(dropout)
        self.dense = nn.Linear(hidden_channels, 1)

    def forward(self, x_BTCHW: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Compute logits (B,); ``seeds_B`` as in ``ClipDropout``."""
        f_BTCHW = self.encoder(x_BTCHW)
        f_BTD = self.pool(f_BTCHW.flatten(0, 1)).flatten(1).unflatten(0, f_BTCHW.shape[:2])
        h_BTD, _ = self.lstm(f_BTD)
        logits_B1: Tensor = self.dense(self.dropout(h_BTD.amax(dim=1), seeds_B))
        return logits_B1.squeeze(1)
