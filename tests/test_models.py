"""The networks: their equations, their input, and their way to disk and back."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.config import Architecture, parse_params
from aislewatch.errors import ConfigError, ModelError
from aislewatch.models.build import Detector, ModelConfig, build, load_model, save_model
from aislewatch.models.convlstm import ConvLSTM
from aislewatch.models.export import export_onnx
from aislewatch.models.input import RGB_MEAN, RGB_STD, ClipInput, ClipViews, area_weights
from tests.tiny_clips import N_FRAMES, SIZE, tiny_params

ARCHITECTURES = get_args(Architecture)


def make_model(architecture: Any, **changes: Any) -> Detector:
    params = parse_params(tiny_params(model=changes), "test")
    torch.manual_seed(0)
    return build(
        ModelConfig(
            architecture=architecture,
            model=params.model,
            frame_size=SIZE,
            n_frames=N_FRAMES,
            step=1,
            fps=10,
        )
    )


def random_clips(batch: int, size: int = SIZE, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, N_FRAMES, size * 3 // 2, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def views(batch: int, **changes: float) -> ClipViews:
    values = {"left": 0.0, "top": 0.0, "side": 1.0, "mirrored": 0.0, "gain": 1.0} | changes
    return ClipViews(**{name: torch.full((batch,), value) for name, value in values.items()})


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


# Networks


@pytest.mark.parametrize("kind", ["rgb", "diff"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_logit_a_clip(architecture: Any, kind: str) -> None:
    model = make_model(architecture, input=kind)
    logits_B = model(random_clips(3))
    assert logits_B.shape == (3,)
    logits_B.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_cnn_sees_no_order_and_the_others_do() -> None:
    yuv_BTKW = random_clips(2)
    for architecture in ARCHITECTURES:
        model = make_model(architecture, input="rgb").eval()
        same = torch.allclose(model(yuv_BTKW), model(yuv_BTKW.flip(1)), atol=1e-6)
        assert same == (architecture == "cnn")


@pytest.mark.parametrize("module", ["input", "encoder", "convlstm", "baselines"])
def test_networks_need_nothing_of_the_project(module: str) -> None:
    code = f"import sys, aislewatch.models.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("aislewatch.")}
    allowed = {"aislewatch.models", "aislewatch.models.encoder", f"aislewatch.models.{module}"}
    assert ours <= allowed


def test_too_many_levels_for_the_input() -> None:
    with pytest.raises(ConfigError, match=r"model\.input_size 16 is too small"):
        make_model("convlstm", input_size=16, encoder_channels=[4, 4, 4, 4])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_exports_to_onnx(architecture: Any, tmp_path: Path) -> None:
    model = make_model(architecture).eval()
    difference = export_onnx(model, random_clips(2).numpy(), tmp_path / "model.onnx")
    assert difference < 1e-5


# Disk


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_saved_and_loaded_is_the_same(architecture: Any, tmp_path: Path) -> None:
    model = make_model(architecture).eval()
    save_model(tmp_path / "a", model)
    loaded = load_model(tmp_path / "a")
    assert loaded.config == model.config
    assert torch.equal(loaded(random_clips(2)), model(random_clips(2)))
    save_model(tmp_path / "b", loaded)
    for name in ("weights.safetensors", "config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_damaged_models_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    weights, config = folder / "weights.safetensors", folder / "config.json"
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        load_model(folder)
    save_model(folder, make_model("convlstm"))
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"weights\.safetensors is corrupt"):
        load_model(folder)
    weights.unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors is missing"):
        load_model(folder)
    save_model(folder, make_model("convlstm"))
    config.write_text(config.read_text().replace('"convlstm"', '"transformer"'))
    with pytest.raises(ModelError, match=r"config\.json is corrupt"):
        load_model(folder)
    save_model(folder, make_model("convlstm"))
    values = json.loads(config.read_text())
    values["model"]["hidden_channels"] += 1
    config.write_text(json.dumps(values))
    with pytest.raises(ModelError, match=r"does not fit config\.json"):
        load_model(folder)
