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

    On 274 clips of one room, folds by recording, it took the ConvLSTM behind it from 76.4 to 84.1 %
    (docs/benchmarks.md). Of a view only the mirror is used: features know no crop, no brightness.

    Args:
        channels: of the detector's features (C).
        out_channels: of what is given on (D).
        norm: what normalises those, as in ``FrameEncoder``.
    """

    def __init__(self, channels: int, out_channels: int, norm: Norm = "none") -> None:
        super().__init__()
        self.register_buffer("mean_C11", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation_C11", torch.ones(channels, 1, 1))
        self.mean_C11: Tensor
        self.deviation_C11: Tensor
        mix = nn.Conv2d(channels, out_channels, 1, bias=norm == "none")
        self.mix = nn.Sequential(mix, *normalised(norm, out_channels), nn.ReLU())

    def fit(self, features_BTCP: Tensor) -> None:
        """Set the scale of each channel by training clips, uint8."""
        values_BTCP = _decoded(features_BTCP).double()
        self.mean_C11.copy_(values_BTCP.mean((0, 1, 3))[:, None, None])
        deviation_C = values_BTCP.std((0, 1, 3), correction=0) + LEAST_DEVIATION
        self.deviation_C11.copy_(deviation_C[:, None, None])

    def forward(self, features_BTCP: Tensor, views: ClipViews | None = None) -> Tensor:
        """Compute the network's input x_BTDHW, float32.

        Args:
            features_BTCP: uint8, as stored.
            views: which clips are mirrored left to right.
        """
        f_BTCHW = _decoded(features_BTCP).view(*features_BTCP.shape[:-1], SIDE, SIDE)
        if views is not None:
            mirrored_B1111 = views.mirrored.bool()[:, None, None, None, None]
            f_BTCHW = torch.where(mirrored_B1111, f_BTCHW.flip(-1), f_BTCHW)
        scaled_BTCHW = (f_BTCHW - self.mean_C11) / self.deviation_C11
        mixed_NDHW: Tensor = self.mix(scaled_BTCHW.flatten(0, 1))
        return mixed_NDHW.view(*f_BTCHW.shape[:2], *mixed_NDHW.shape[1:])


def _decoded(features_BTCP: Tensor) -> Tensor:
    """Turn bytes back into what the detector's network gave, float32."""
    return (features_BTCP.float() * STEP).expm1() + LOWEST
