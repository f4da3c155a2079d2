"""What networks see of a frame: colours, areas, differences, views."""

from typing import Any

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.frames.light import LEAST_LIGHT, MOST_GAIN
from aislewatch.models.build import build
from aislewatch.models.input import (
    RGB_MEAN,
    RGB_STD,
    ClipInput,
    ClipViews,
    area_weights,
    to_rgb,
    unpack_i420,
)
from aislewatch.report.mistakes import rgb_pictures
from tests.tiny_clips import N_FRAMES, SIZE
from tests.tiny_models import make_model, random_clips


def views(batch: int, **changes: float) -> ClipViews:
    values = {"left": 0.0, "top": 0.0, "side": 1.0, "mirrored": 0.0, "gain": 1.0} | changes
    return ClipViews(**{name: torch.full((batch,), value) for name, value in values.items()})


# Input


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        ((235, 128, 128), (1, 1, 1)),
        ((16, 128, 128), (0, 0, 0)),
        ((81, 90, 240), (1, 0, 0)),
        ((145, 54, 34), (0, 1, 0)),
        ((41, 240, 110), (0, 0, 1)),
    ],
)
def test_known_colours(yuv: tuple[int, int, int], rgb: tuple[int, int, int]) -> None:
    planes = [np.full(n, value) for n, value in zip((1024, 256, 256), yuv, strict=True)]
    frame = torch.from_numpy(np.concatenate(planes).astype(np.uint8)).view(1, 1, 48, 32)
    x_BTCHW = ClipInput(32, 16, "rgb")(frame) * RGB_STD + RGB_MEAN
    # Half a step of 8-bit YUV is up to 0.008 of RGB.
    np.testing.assert_allclose(x_BTCHW[0, 0, :, 7, 7], rgb, atol=0.008)


def test_agrees_with_ffmpeg_on_a_picture() -> None:
    random = np.random.default_rng(0)
    # Colours that exist, in blocks of 4 × 4, so that no filter of chroma plays a part.
    blocks = [random.integers(low, high, (8, 8)) for low, high in ((100, 150), *[(112, 144)] * 2)]
    planes = [np.kron(b, np.ones((n, n))) for b, n in zip(blocks, (4, 2, 2), strict=True)]
    packed = np.concatenate([plane.ravel() for plane in planes]).astype(np.uint8).reshape(48, 32)
    theirs = av.VideoFrame.from_ndarray(packed, format="yuv420p").to_ndarray(format="rgb24") / 255
    ours = ClipInput(32, 32, "rgb")(torch.from_numpy(packed)[None, None]) * RGB_STD + RGB_MEAN
    inside = np.s_[1::4, 1::4]
    for channel in range(3):
        np.testing.assert_allclose(
            ours[0, 0, channel].numpy()[inside], theirs[..., channel][inside], atol=2.5 / 255
        )


@settings(deadline=None)
@given(
    start=st.floats(0, 0.4),
    length=st.floats(0.3, 0.6),
    n_out=st.integers(1, 40),
    n_in=st.integers(1, 40),
)
def test_area_weights_average(start: float, length: float, n_out: int, n_in: int) -> None:
    weights = area_weights(torch.tensor([start]), torch.tensor([length]), n_out, n_in)
    assert weights.shape == (1, n_out, n_in)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_scaling_down_is_the_mean_of_areas() -> None:
    yuv_BTKW = random_clips(2, size=48)
    luma_BTHW = yuv_BTKW[:, :, :48].float()
    expected = torch.nn.functional.adaptive_avg_pool2d(luma_BTHW, 16)
    got = ClipInput(48, 16, "rgb")._scaled(yuv_BTKW[:, :, :48], None)
    torch.testing.assert_close(got, expected)


def test_difference_is_of_successive_frames() -> None:
    yuv_BTKW = random_clips(2)
    rgb_BTCHW = ClipInput(SIZE, 16, "rgb")(yuv_BTKW) * RGB_STD
    diff_BTCHW = ClipInput(SIZE, 16, "diff")(yuv_BTKW)
    assert (diff_BTCHW[:, 0] == 0).all()
    torch.testing.assert_close(
        diff_BTCHW[:, 1:], 6 * (rgb_BTCHW[:, 1:] - rgb_BTCHW[:, :-1]), atol=1e-5, rtol=1e-5
    )


def test_the_report_shows_every_colour_as_the_networks_see_it() -> None:
    """By NumPy and by torch: to the last bit."""
    packed_TKW = np.random.default_rng(0).integers(0, 256, (20, 96, 64), dtype=np.uint8)
    y, *others = unpack_i420(torch.from_numpy(packed_TKW)[None])
    u, v = (p.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2).float() for p in others)
    seen_TCHW = (to_rgb(y.float(), u, v)[0].clamp(0, 1) * 255).round().byte()
    np.testing.assert_array_equal(rgb_pictures(packed_TKW), seen_TCHW.permute(0, 2, 3, 1))


@pytest.mark.parametrize("kind", ["rgb", "diff"])
def test_whole_view_is_no_view(kind: Any) -> None:
    yuv_BTKW, look = random_clips(2), ClipInput(SIZE, 16, kind)
    torch.testing.assert_close(look(yuv_BTKW, views(2)), look(yuv_BTKW), atol=1e-4, rtol=1e-4)


def test_mirrored_view_is_the_mirrored_output() -> None:
    yuv_BTKW, look = random_clips(2), ClipInput(SIZE, 16, "rgb")
    mirrored = look(yuv_BTKW, views(2, mirrored=1.0))
    torch.testing.assert_close(mirrored, look(yuv_BTKW, views(2)).flip(-1))


def test_cropped_view_is_the_cropped_frame() -> None:
    yuv_BTKW = random_clips(1)
    look = ClipInput(SIZE, 16, "rgb")
    cropped = look._scaled(yuv_BTKW[:, :, :SIZE], views(1, left=0.5, top=0.25, side=0.5))
    assert torch.equal(cropped, yuv_BTKW[:, :, 8:24, 16:32].float())


@settings(deadline=None)
@given(
    left=st.floats(0, 0.25),
    top=st.floats(0, 0.25),
    side=st.floats(0.5, 0.75),
    mirrored=st.sampled_from([0.0, 1.0]),
    gain=st.floats(0.5, 1.5),
)
def test_a_view_treats_all_frames_alike(**view: float) -> None:
    still_BTKW = random_clips(1)[:, :1].expand(-1, N_FRAMES, -1, -1)
    seen_BTCHW = ClipInput(SIZE, 16, "rgb")(still_BTKW, views(1, **view))
    assert (seen_BTCHW == seen_BTCHW[:, :1]).all()
    # Motion, too, is that of the clip alone: a still clip stays still, whatever the view.
    assert (ClipInput(SIZE, 16, "diff")(still_BTKW, views(1, **view)) == 0).all()


# Light


def lit(mean: float, clips: int = 2) -> torch.Tensor:
    """Make clips whose luminance lies ``mean`` above black on average, in noise around it."""
    yuv_BTKW = random_clips(clips)
    noise = torch.randint(-4, 5, yuv_BTKW[:, :, :SIZE].shape)
    # None where the light is measured, so that each clip's is known and not drawn.
    noise[..., ::4, ::4] = 0
    yuv_BTKW[:, :, :SIZE] = (16 + mean + noise).clamp(0, 255).to(torch.uint8)
    yuv_BTKW[:, :, SIZE:] = 128
    return yuv_BTKW


@pytest.mark.parametrize("kind", ["rgb", "diff"])
@pytest.mark.parametrize("view", [False, True])
def test_a_dark_clip_is_brought_to_the_least_light(kind: Any, view: bool) -> None:
    """By one factor a clip: what moves in the dark moves as far as by day."""
    dark, looked = lit(16.0), views(2) if view else None
    plain = ClipInput(SIZE, 16, kind)(dark, views(2, gain=LEAST_LIGHT / 16.0))
    bright = ClipInput(SIZE, 16, kind, LEAST_LIGHT)(dark, looked)
    assert torch.allclose(bright, plain, rtol=0.02, atol=0.02)
    assert not torch.allclose(bright, ClipInput(SIZE, 16, kind)(dark, looked), rtol=0.1)


def test_a_network_as_it_is_built_says_the_same_of_a_dark_clip() -> None:
    """Its input once had no gain to brighten by, so that it never did."""
    network = build(
        make_model("cnn", input="rgb").config.model_copy(update={"least_light": LEAST_LIGHT})
    ).eval()
    dark = lit(16.0)[:, :1].expand(2, N_FRAMES, -1, -1)
    with torch.no_grad():
        said = network(dark)
        network.input.least_light = 0.0
        brightened = network(dark, views(2, gain=LEAST_LIGHT / 16.0))
        assert torch.allclose(said, brightened, rtol=0.02, atol=1e-3)
        assert not torch.allclose(said, network(dark), rtol=0.02, atol=1e-3)


def test_a_light_clip_stays_as_filmed_and_black_is_not_made_grey() -> None:
    light, black = lit(LEAST_LIGHT + 5), torch.full((1, 2, SIZE * 3 // 2, SIZE), 16).byte()
    black[:, :, SIZE:] = 128
    for clip in (light, black):
        assert torch.equal(
            ClipInput(SIZE, 16, "rgb", LEAST_LIGHT)(clip),
            ClipInput(SIZE, 16, "rgb")(clip),
        )
    assert ClipInput(SIZE, 16, "rgb", LEAST_LIGHT)._brightening(black).item() == MOST_GAIN


def test_a_clips_light_does_not_depend_on_its_neighbours() -> None:
    look = ClipInput(SIZE, 16, "diff", LEAST_LIGHT)
    together = torch.cat([lit(8.0, 1), lit(100.0, 1)])
    alone = torch.cat([look(together[:1]), look(together[1:])])
    assert torch.equal(look(together), alone)
