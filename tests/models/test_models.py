"""The networks: their equations, their input, and their way to disk and back."""

import importlib
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.errors import ConfigError, ModelError
from aislewatch.models.build import load_model, save_model
from aislewatch.models.convlstm import ConvLSTM
from aislewatch.models.dropout import ClipDropout, uniform
from aislewatch.models.facts import model_facts
from aislewatch.models.input import RGB_MEAN, RGB_STD, ClipInput, ClipViews, area_weights
from aislewatch.models.rows import NETWORKS
from aislewatch.models_gpu.precision import compute_in
from aislewatch.register.export import export_onnx
from tests.tiny_clips import N_FRAMES, SIZE
from tests.tiny_models import make_model, random_clips

ARCHITECTURES = tuple(NETWORKS)


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


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_bf16_is_near_float32(architecture: Any) -> None:
    model = make_model(architecture, dropout=0.0)
    expected = model(random_clips(3))
    logits_B = compute_in(model, "bf16")(random_clips(3))
    assert logits_B.dtype == torch.float32
    assert not torch.equal(logits_B, expected)
    torch.testing.assert_close(logits_B, expected, atol=0.03, rtol=0.03)
    logits_B.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert torch.equal(compute_in(model, "float32")(random_clips(3)), expected)


def test_cnn_sees_no_order_and_the_others_do() -> None:
    yuv_BTKW = random_clips(2)
    for architecture in ARCHITECTURES:
        model = make_model(architecture, input="rgb").eval()
        same = torch.allclose(model(yuv_BTKW), model(yuv_BTKW.flip(1)), atol=1e-6)
        assert same == (architecture == "cnn")


BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("aislewatch.") and name not in sys.argv[1:]:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
__import__(sys.argv[1])
"""


@pytest.mark.parametrize("module", ["input", "encoder", "convlstm", "baselines"])
def test_networks_need_nothing_of_the_project(module: str) -> None:
    names = [module, "encoder", "dropout"]  # what the networks share
    allowed = [f"aislewatch.models.{name}" for name in names] + ["aislewatch.models"]
    command = [sys.executable, "-c", BLOCKER, *allowed]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_too_many_levels_for_the_input() -> None:
    with pytest.raises(ConfigError, match=r"model\.input_size 16 is too small"):
        make_model("convlstm", input_size=16, encoder_channels=[4, 4, 4, 4])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_exports_to_onnx_for_any_batch(architecture: Any, tmp_path: Path) -> None:
    model = make_model(architecture).eval()
    difference = export_onnx(model, random_clips(2).numpy(), tmp_path / "model.onnx")
    assert difference < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    clips_BTKW = random_clips(5, seed=1)
    (probability_B,) = session.run(None, {"yuv": clips_BTKW.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(probability_B, model(clips_BTKW).sigmoid(), atol=1e-5)


def test_a_graph_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    class Drifting(torch.nn.Module):
        """What an exporter's bug would look like: off by 2e-4 in the exported graph alone."""

        def __init__(self) -> None:
            super().__init__()
            self.model = make_model("cnn").eval()

        def forward(self, yuv_BTKW: torch.Tensor) -> torch.Tensor:
            logits_B = self.model(yuv_BTKW)
            return logits_B + 1e-3 if torch.compiler.is_exporting() else logits_B

    with pytest.raises(ModelError, match=r"differs from torch by 0\.0002.*nothing was registered"):
        export_onnx(Drifting().eval(), random_clips(2).numpy(), tmp_path / "model.onnx")


def test_facts_are_what_can_be_counted_by_hand(tmp_path: Path) -> None:
    model = make_model("cnn", input="rgb", encoder_channels=[8], input_size=16).eval()
    graph, clips_BTKW = tmp_path / "model.onnx", random_clips(2).numpy()
    export_onnx(model, clips_BTKW, graph)
    facts = model_facts(model, graph, clips_BTKW[0])
    side = 16 // 2 // 2  # after the encoder's pooling and the last
    assert facts.parameters == (3 * 9 * 8 + 8) + (8 * side * side + 1)
    # Scaling down Y (32 to 16 rows, then columns), U and V (16 to 16), one convolution, dense.
    scaling = 16 * 32 * 32 + 16 * 32 * 16 + 2 * 2 * 16**3
    convolution = 16 * 16 * 3 * 9 * 8
    assert facts.gflop * 1e9 == 2 * (N_FRAMES * (scaling + convolution) + 8 * side * side)
    assert facts.graph_bytes == graph.stat().st_size
    assert 0 < facts.latency_ms < 1000


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
