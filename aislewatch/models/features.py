"""Takes a person detector's frozen features as network input, in place of pictures.

Stage track computes them once a frame (``aislewatch/people``); what is trained begins here. Shapes:
B clips, T frames, C channels of the detector, P = SIDE² places of its grid, D channels given on.
"""

import torch
from torch import Tensor, nn

from aislewatch.frames.feature_bytes import LOWEST, SIDE, STEP
from aislewatch.models.encoder import Norm, normalised
from aislewatch.models.input import ClipViews

# Added to a channel's deviation: one that is the same in all clips stays a number.
LEAST_DEVIATION = 1e-3


class FeatureInput(nn.Module):
    """Scales each channel to what is usual in training, then mixes them by a 1×1 convolution.

    A stored frame has the features of the square as filmed, and behind them those of its mirror
    image. What the detector brings is in docs/benchmarks.md. Of a view only the mirror is used:
    features know no crop, no brightness.

    Args:
        channels: of the detector's features (C), of all regions together.
        out_channels: of what is given on (D), of all regions together.
        norm: what normalises those, as in ``FrameEncoder``.
        regions: which are mixed each by itself.
    """

    def __init__(
        self, channels: int, out_channels: int, norm: Norm = "none", regions: int = 1
    ) -> None:
        super().__init__()
        self.register_buffer("mean_C11", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation_C11", torch.ones(channels, 1, 1))
        self.mean_C11: Tensor
        self.deviation_C11: Tensor
        bias = norm == "none"
        mix = nn.Conv2d(channels, out_channels, 1, bias=bias, groups=regions)
        self.mix = nn.Sequential(mix, *normalised(norm, out_channels, regions), nn.ReLU())

    def fit(self, features_BTKP: Tensor) -> None:
        """Set the scale of each channel by training clips, uint8 (B, T, 2 C, P)."""
        values_BTCP = _decoded(features_BTKP[:, :, : len(self.mean_C11)]).double()
        self.mean_C11.copy_(values_BTCP.mean((0, 1, 3))[:, None, None])
        deviation_C = values_BTCP.std((0, 1, 3), correction=0) + LEAST_DEVIATION
        self.deviation_C11.copy_(deviation_C[:, None, None])

    def forward(self, features_BTKP: Tensor, views: ClipViews | None = None) -> Tensor:
        """Compute the network's input x_BTDHW, float32.

        Args:
            features_BTKP: uint8 (B, T, 2 C, P), as stored.
            views: which clips are mirrored left to right.
        """
        as_filmed_BTCP, mirrored_BTCP = features_BTKP.chunk(2, dim=2)
        chosen_BTCP = as_filmed_BTCP
        if views is not None:
            mirrored_B111 = views.mirrored.bool()[:, None, None, None]
            chosen_BTCP = torch.where(mirrored_B111, mirrored_BTCP, as_filmed_BTCP)
        f_BTCHW = _decoded(chosen_BTCP).view(*chosen_BTCP.shape[:-1], SIDE, SIDE)
        scaled_BTCHW = (f_BTCHW - self.mean_C11) / self.deviation_C11
        mixed_NDHW: Tensor = self.mix(scaled_BTCHW.flatten(0, 1))
        return mixed_NDHW.view(*f_BTCHW.shape[:2], *mixed_NDHW.shape[1:])


def mirror_image(features_BTKP: Tensor) -> Tensor:
    """Return stored features as those of the mirrored squares."""
    return features_BTKP.roll(features_BTKP.shape[2] // 2, dims=2)


def _decoded(features_BTCP: Tensor) -> Tensor:
    """Turn bytes back into what the detector's network gave, float32."""
    return (features_BTCP.float() * STEP).expm1() + LOWEST
