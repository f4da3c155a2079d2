"""Turns stored frames into network input: all after decoding is part of the network.

Training, evaluation, live scoring and the registered ONNX graph share this module, so serving
cannot drift from training. Shapes: B clips, T frames, C channels, H and W pixels of the network's
input, S pixels a side of a stored frame, K = 3/2 S rows of packed I420 (Y, then U and V at half
the resolution, each two of their rows in one of ours).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from aislewatch.frames.light import MOST_GAIN
from aislewatch.models.colours import LUMA_BLACK, rgb_planes

# Of the network's input, whether colours or their differences.
CHANNELS = 3

# Mean and deviation of RGB in 0..1, one pair for all channels: those PySlowFast and PyTorchVideo
# use for video (Kinetics).
RGB_MEAN = 0.45
RGB_STD = 0.225
# Brings differences of RGB in 0..1 between frames 0.1 s apart to the size of normalised colours.
# With this factor the ConvLSTM's AUC on MNNIT, folds by recording, was 80 against 59 with RGB.
DIFFERENCE_SCALE = 6.0


class ClipViews(NamedTuple):
    """How each clip of a batch is looked at: one view for all frames of a clip.

    All tensors are float32 of shape (B,); lengths are shares of the frame's side.
    """

    left: Tensor
    top: Tensor
    side: Tensor  # of the square that is cut out and scaled to the input's size
    mirrored: Tensor  # 1 = left and right exchanged, 0 = as filmed
    gain: Tensor  # factor on RGB

    def to(self, device: torch.device) -> "ClipViews":
        """Copy the views to another device."""
        return ClipViews(*(values_B.to(device) for values_B in self))


class ClipInput(nn.Module):
    """uint8 packed I420 frames to float32 network input.

    Frames are scaled down before the colour conversion: both are linear, so the result is the same
    and the conversion has 16 times fewer pixels to do (128 -> 32). Colours outside 0..1 are not
    clamped, which would not be linear.

    Args:
        frame_size: pixels a side of a stored frame (S).
        input_size: pixels a side of the network's input (H = W).
        kind: ``"rgb"`` (the paper's) or ``"diff"``, each frame minus the one before it.
        least_light: mean luminance above black, in code values, to which a darker clip is
            brought by one factor for all its frames, ``MOST_GAIN`` at most; 0 leaves it as filmed.
    """

    def __init__(
        self,
        frame_size: int,
        input_size: int,
        kind: Literal["rgb", "diff"],
        least_light: float = 0.0,
    ) -> None:
        super().__init__()
        self.least_light = least_light
        self.frame_size = frame_size
        self.input_size = input_size
        self.kind = kind
        # As in FrameEncoder: frames, views, pixels a side, and whether differences are wanted.
        self.kernels: Callable[[Tensor, ClipViews | None, int, bool], Tensor] | None = None
        whole = torch.zeros(1), torch.ones(1)
        for name, size in (("luma_HS", frame_size), ("chroma_HS", frame_size // 2)):
            weights_HS = area_weights(*whole, input_size, size)[0]
            self.register_buffer(name, weights_HS, persistent=False)
        self.luma_HS: Tensor
        self.chroma_HS: Tensor

    def forward(self, yuv_BTKW: Tensor, views: ClipViews | None = None) -> Tensor:
        """Compute the network's input x_BTCHW, C = 3, float32 or as the kernels write it.

        Args:
            yuv_BTKW: uint8 (B, T, 3/2 S, S), frames of the store as they are.
            views: crop, mirror and gain of each clip; none looks at the whole frame as filmed.
        """
        gain_B = views.gain if views is not None else None
        if self.least_light:
            light_B = self._brightening(yuv_BTKW)
            gain_B = light_B if gain_B is None else gain_B * light_B
        if self.kernels is not None:
            if gain_B is not None:
                views = (views or whole_views(gain_B))._replace(gain=gain_B)
            return self.kernels(yuv_BTKW, views, self.input_size, self.kind == "diff")
        planes = unpack_i420(yuv_BTKW)
        y_BTHW, u_BTHW, v_BTHW = (self._scaled(plane_BTSS, views) for plane_BTSS in planes)
        x_BTCHW = to_rgb(y_BTHW, u_BTHW, v_BTHW)
        if gain_B is not None:
            x_BTCHW = x_BTCHW * gain_B[:, None, None, None, None]
        if self.kind == "diff":
            return DIFFERENCE_SCALE * frame_differences(x_BTCHW)
        return (x_BTCHW - RGB_MEAN) / RGB_STD

    def _brightening(self, yuv_BTKW: Tensor) -> Tensor:
        """Return the factor on each clip's colours, (B,): 1 where it is light enough.

        Every fourth pixel of every fourth row tells the mean of a picture; all of them cost a CPU
        as much as scaling it down.
        """
        luma_BTSS = yuv_BTKW[:, :, : self.frame_size : 4, ::4].float()
        seen_B = luma_BTSS.mean((1, 2, 3)) - LUMA_BLACK
        return (self.least_light / seen_B.clamp(min=self.least_light / MOST_GAIN)).clamp(min=1.0)

    def _scaled(self, plane_BTSS: Tensor, views: ClipViews | None) -> Tensor:
        """Scale a plane down by two matrix products; under a view, they crop and mirror it, too.

        Against adaptive_avg_pool2d they take fractions of pixels, export to ONNX, and are faster.
        """
        size = plane_BTSS.shape[-1]
        if views is None:
            weights_HS = self.luma_HS if size == self.frame_size else self.chroma_HS
            return weights_HS @ plane_BTSS.float() @ weights_HS.mT
        rows_BHS = area_weights(views.top, views.side, self.input_size, size)
        columns_BWS = area_weights(views.left, views.side, self.input_size, size)
        mirrored_B11 = views.mirrored.bool()[:, None, None]
        columns_BSW = torch.where(mirrored_B11, columns_BWS.flip(1), columns_BWS).mT
        # Frame by frame, because the floats of a whole batch fall out of the CPU's caches: 23
        # against 45 ms of CPU time for 32 clips. Not above, where it would unroll the ONNX graph.
        frames = [rows_BHS @ plane_BSS.float() @ columns_BSW for plane_BSS in plane_BTSS.unbind(1)]
        return torch.stack(frames, dim=1)


def whole_views(gain_B: Tensor) -> ClipViews:
    """Look at whole frames as filmed, brightened by ``gain_B``."""
    none_B = torch.zeros_like(gain_B)
    return ClipViews(none_B, none_B, torch.ones_like(gain_B), none_B, gain_B)


def unpack_i420(yuv_BTKW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split packed I420 frames into Y (B, T, S, S), U and V (B, T, S/2, S/2); no copy of Y."""
    size = yuv_BTKW.shape[-1]
    half, chroma_rows = size // 2, size // 4
    u_packed = yuv_BTKW[:, :, size : size + chroma_rows]
    v_packed = yuv_BTKW[:, :, size + chroma_rows :]
    half_size = (*yuv_BTKW.shape[:2], half, half)
    return yuv_BTKW[:, :, :size], u_packed.reshape(half_size), v_packed.reshape(half_size)


def area_weights(start_B: Tensor, length_B: Tensor, n_out: int, n_in: int) -> Tensor:
    """Make matrices (B, n_out, n_in) that average ``n_in`` pixels of a line to ``n_out``.

    Output pixel i covers an equal part of ``[start, start + length]`` (shares of the line); a
    weight is the share of it that lies in an input pixel, so every row adds up to 1.
    """
    steps_N = torch.arange(n_out + 1, device=start_B.device) / n_out
    edges_BN = (start_B[:, None] + length_B[:, None] * steps_N) * n_in
    pixel_S = torch.arange(n_in, device=start_B.device)
    right_BNS = torch.minimum(edges_BN[:, 1:, None], pixel_S + 1)
    left_BNS = torch.maximum(edges_BN[:, :-1, None], pixel_S)
    overlap_BNS = (right_BNS - left_BNS).clamp(min=0)
    return overlap_BNS / overlap_BNS.sum(dim=-1, keepdim=True)


def to_rgb(y_BTHW: Tensor, u_BTHW: Tensor, v_BTHW: Tensor) -> Tensor:
    """Convert limited-range BT.601 planes with values 0..255 to RGB (B, T, 3, H, W), 0..1."""
    return torch.stack(rgb_planes(y_BTHW, u_BTHW, v_BTHW), dim=2)


def frame_differences(x_BTCHW: Tensor) -> Tensor:
    """Compute x_t - x_(t-1), same shape; the first frame, which has none before it, is zero."""
    return torch.diff(x_BTCHW, dim=1, prepend=x_BTCHW[:, :1])
