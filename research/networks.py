"""The four networks of the paper's Table 2, with the variations that were tried."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aislewatch.models.convlstm import ConvLSTM
from aislewatch.train.kernels.precision import use_kernels
from research.inputs import CHANNELS
from research.recipe import Recipe


class Encoder(nn.Module):
    """The product's FrameEncoder, with batch norm where asked for."""

    def __init__(self, in_channels: int, channels: Sequence[int], norm: bool) -> None:
        super().__init__()
        levels: list[nn.Module] = []
        for before, after in zip([in_channels, *channels], channels, strict=False):
            levels += [nn.Conv2d(before, after, 3, padding=1, bias=not norm), nn.MaxPool2d(2)]
            levels += [nn.BatchNorm2d(after)] if norm else []
            levels += [nn.ReLU()]
        self.levels = nn.Sequential(*levels)
        self.fused: torch.dtype | None = None  # of the product's kernels; None: torch

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        """Features f_NCHW, N = B·T by clip, then by time; H and W halved once a level."""
        layers = [layer for layer in self.levels if isinstance(layer, nn.Conv2d)]
        # The product's kernels know no batch norm.
        if self.fused is not None and layers[0].bias is not None:
            from aislewatch.train.kernels.encoder import encode

            return encode(x_BTCHW, layers, self.fused).flatten(0, 1)
        f_NCHW: Tensor = self.levels(x_BTCHW.flatten(0, 1))
        return f_NCHW


class Network(nn.Module):
    """Encoder, something for time, pooling, dropout, dense; logits (B,) of x_BTCHW."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.kind, self.pool = recipe.network, recipe.pool
        channels = CHANNELS[recipe.input]
        side = recipe.size >> (len(recipe.encoder) + 1)
        cells = side * side if recipe.pool == "grid" else 1
        features = recipe.encoder[-1]
        if self.kind == "lstm":
            self.lstm = nn.LSTM(channels * 16 * 16, recipe.hidden, batch_first=True)
            out = recipe.hidden
        else:
            self.encoder = Encoder(channels, recipe.encoder, recipe.norm)
            out = features * cells
        if self.kind == "convlstm":
            self.convlstm = ConvLSTM(features, recipe.hidden, recipe.kernel)
            out = recipe.hidden * cells
        if self.kind == "cnn_lstm":
            self.lstm = nn.LSTM(features * cells, recipe.hidden, batch_first=True)
            out = recipe.hidden
        self.dropout = nn.Dropout(recipe.dropout)
        self.dense = nn.Linear(out, 1)

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        """Logits (B,)."""
        batch, steps = x_BTCHW.shape[:2]
        if self.kind == "lstm":
            small = nn.functional.avg_pool2d(x_BTCHW.flatten(0, 1), x_BTCHW.shape[-1] // 16)
            out = self.lstm(small.view(batch, steps, -1))[0].amax(dim=1)
        else:
            f_NCHW = self.encoder(x_BTCHW)
            if self.kind == "convlstm":
                h_BTCHW = self.convlstm(f_NCHW.view(batch, steps, *f_NCHW.shape[1:]))
                out = self._pooled(h_BTCHW.amax(dim=1) if self.pool != "mean" else h_BTCHW.mean(1))
            else:
                f_BTD = self._pooled(f_NCHW).view(batch, steps, -1)
                out = f_BTD.mean(dim=1) if self.kind == "cnn" else self.lstm(f_BTD)[0].amax(dim=1)
        logits: Tensor = self.dense(self.dropout(out)).squeeze(1)
        return logits

    def fuse(self, dtype: torch.dtype) -> None:
        """Compute by the product's own GPU kernels."""
        if self.kind != "lstm":
            self.encoder.fused = dtype
        if self.kind == "convlstm":
            use_kernels(self.convlstm, dtype)

    def _pooled(self, f_NCHW: Tensor) -> Tensor:
        if self.pool == "grid":
            return nn.functional.max_pool2d(f_NCHW, 2).flatten(1)
        return f_NCHW.amax(dim=(2, 3)) if self.pool == "max" else f_NCHW.mean(dim=(2, 3))


def build(recipe: Recipe, seed: int) -> Network:
    """Fresh weights, the same for the same seed, in the layout that GPUs and CPUs like."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(recipe)
    return network.to(memory_format=torch.channels_last)
