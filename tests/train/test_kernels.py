"""Our own GPU kernels compute what the plain networks compute.

On a GPU they run as compiled; elsewhere by Triton's interpreter, in float32, since its products of
bf16 are wrong (3.7.1). Either needs Triton, which CUDA builds of torch bring along.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from aislewatch.config.params import parse_params
from aislewatch.errors import FootageError
from aislewatch.models.build import NETWORKS
from aislewatch.models.convlstm import ConvLSTM
from aislewatch.models.encoder import FrameEncoder
from aislewatch.models.input import ClipInput, ClipViews
from aislewatch.train.adam import PAPER_ADAM
from aislewatch.train.augment import draw_views
from aislewatch.train.data import load_training_data
from aislewatch.train.graphs import can_be_recorded
from aislewatch.train.kernels.precision import compute_in, use_kernels
from aislewatch.train.loop import Recipe, train
from aislewatch.train.mixup import draw_shares
from aislewatch.train.prefetch import DeviceBatch, prefetch, side_streams
from aislewatch.train.processes import Processes
from aislewatch.train.step import Stepper
from tests.tiny_clips import tiny_params, write_store
from tests.tiny_models import make_model, random_clips

ARCHITECTURES = tuple(NETWORKS)
CUDA = torch.cuda.is_available()
pytest.importorskip("triton", reason="comes with CUDA builds of torch, and with aislewatch[dev]")
DEVICE = torch.device("cuda" if CUDA else "cpu")

LEARNING = parse_params(tiny_params(), "test").learning

# Of float32: sums of other order. cuDNN's weight gradients may go through a transform, 6e-4 seen on
# an H100 with 5 × 5 kernels, where the plain path differs from float64 as much.
TOLERANCE = 1e-3 if CUDA else 2e-6


@pytest.fixture(autouse=True)
def exact_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    # Fills new memory with NaN, so that a value read before it was written shows.
    torch.use_deterministic_algorithms(True)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    # Few programs where a GPU has hundreds: the interpreter runs them one after the other.
    monkeypatch.setattr("aislewatch.train.kernels.encoder.SUMMING_PROGRAMS", 3)
    monkeypatch.setattr("aislewatch.train.kernels.clip_input.PIXELS", 1024)
    # Exact products of float32 are unrolled: a GPU's compiler takes 20 s for 128 rows.
    monkeypatch.setattr("aislewatch.train.kernels.encoder.ROWS", 32)


def error(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).norm() / expected.norm().clamp(min=1e-30))


def gradients(module: nn.Module, x_BTCHW: Tensor, seed: int) -> dict[str, Tensor]:
    """Output and gradients under a random upstream gradient."""
    x_BTCHW = x_BTCHW.clone().requires_grad_(isinstance(module, ConvLSTM))
    module.zero_grad()
    out = module(x_BTCHW)
    torch.manual_seed(seed)
    out.backward(torch.randn(out.shape, dtype=torch.float32).to(out))
    found = {name: p.grad.float() for name, p in module.named_parameters() if p.grad is not None}
    if x_BTCHW.grad is not None:
        found["input"] = x_BTCHW.grad.float()
    return found | {"output": out.detach().float()}


def errors(module: Any, x_BTCHW: Tensor, dtype: torch.dtype) -> dict[str, float]:
    module.to(DEVICE)
    x_BTCHW = x_BTCHW.to(DEVICE)
    use_kernels(module, None)
    expected = gradients(module, x_BTCHW, seed=1)
    use_kernels(module, dtype)
    got = gradients(module, x_BTCHW, seed=1)
    assert got.keys() >= expected.keys()
    return {name: error(got[name], values) for name, values in expected.items()}


# Sides: even at every level, odd at the second, odd at the third; channels that fill no power of
# two, and as many as the products' smallest block.
@pytest.mark.parametrize(("side", "channels"), [(16, [8, 12]), (12, [16]), (24, [20, 16, 24])])
def test_encoder_and_its_gradient(side: int, channels: list[int]) -> None:
    torch.manual_seed(0)
    encoder = FrameEncoder(3, channels)
    found = errors(encoder, torch.randn(2, 3, 3, side, side), torch.float32)
    assert max(found.values()) < TOLERANCE, found


@pytest.mark.parametrize("in_channels", [1, 4, 6])
def test_encoder_of_other_inputs(in_channels: int) -> None:
    torch.manual_seed(0)
    encoder = FrameEncoder(in_channels, [8])
    found = errors(encoder, torch.randn(1, 2, in_channels, 8, 8), torch.float32)
    assert max(found.values()) < TOLERANCE, found


def test_encoder_without_gradient_is_the_same() -> None:
    torch.manual_seed(0)
    encoder = FrameEncoder(3, [8, 12]).to(DEVICE)
    use_kernels(encoder, torch.float32)
    x_BTCHW = torch.randn(2, 3, 3, 16, 16, device=DEVICE)
    with torch.no_grad():
        alone = encoder(x_BTCHW)
    assert torch.equal(alone, encoder(x_BTCHW).detach())


@pytest.mark.parametrize(("steps", "kernel"), [(1, 3), (2, 1), (5, 3)])
def test_convlstm_and_its_gradient(steps: int, kernel: int) -> None:
    torch.manual_seed(0)
    layer = ConvLSTM(5, 6, kernel)
    found = errors(layer, torch.randn(2, steps, 5, 4, 7), torch.float32)
    assert max(found.values()) < TOLERANCE, found


@settings(deadline=None, max_examples=10)
@given(
    sizes=st.sampled_from([(32, 32), (32, 16), (32, 24)]),
    kind=st.sampled_from(["rgb", "diff"]),
    whole=st.booleans(),
    seed=st.integers(0, 99),
)
def test_input_is_the_same(sizes: tuple[int, int], kind: Any, whole: bool, seed: int) -> None:
    torch.manual_seed(seed)
    side, mirrored = 1 - 0.4 * torch.rand(2), torch.randint(0, 2, (2,)).float()
    left, top = torch.rand(2) * (1 - side), torch.rand(2) * (1 - side)
    views = ClipViews(left, top, side, mirrored, 0.5 + torch.rand(2)).to(DEVICE)
    clip_input = ClipInput(*sizes, kind).to(DEVICE)
    yuv_BTKW = random_clips(2, seed=seed)[:, :2].to(DEVICE)
    expected = clip_input(yuv_BTKW, None if whole else views)
    use_kernels(clip_input, torch.float32)
    got = clip_input(yuv_BTKW, None if whole else views)
    # Edges of pixels are rounded differently: a few millionths of a pixel.
    assert error(got, expected) < 2e-5


def test_the_same_step_twice_gives_the_same_bits() -> None:
    model = make_model("convlstm", dropout=0.0).to(DEVICE)
    for module in model.modules():
        use_kernels(module, torch.float32)
    found = []
    for _ in range(2):
        model.zero_grad()
        model(random_clips(2)[:, :3].to(DEVICE)).sum().backward()
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.skipif(not CUDA, reason="bf16 kernels need an NVIDIA GPU")
def test_bf16_kernels_are_no_worse_than_autocast() -> None:
    """Gradients in bf16 differ by 0.1 and more, because rounding moves the poolings' maxima."""
    plain = make_model("convlstm", dropout=0.0, input="rgb").to(DEVICE)
    clips = random_clips(8).to(DEVICE)
    found = {}
    for precision in ("float32", "bf16", "bf16_fused"):
        compute_in(plain, precision).zero_grad()
        logits = plain(clips)
        (logits * torch.linspace(-1, 1, 8, device=DEVICE)).sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in plain.parameters() if p.grad is not None])
        found[precision] = logits.detach(), gradient
    for got in (0, 1):
        ours, theirs = (error(found[p][got], found["float32"][got]) for p in ("bf16_fused", "bf16"))
        assert ours < max(1.5 * theirs, 1e-2)


@pytest.mark.skipif(not CUDA, reason="CUDA graphs need an NVIDIA GPU")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_training_of_recorded_steps_gives_the_same_bits(
    architecture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several epochs, each with a smaller last batch and a validation in between."""
    write_store(tmp_path)
    data = load_training_data(
        tmp_path / "data/dataset/splits.parquet", tmp_path / "data/dataset/frames"
    )
    learning = LEARNING.model_copy(update={"batch_size": 7})
    config = make_model(architecture).config
    recipe = Recipe(config, learning, PAPER_ADAM, 6, 6, seed=0, precision="bf16_fused")
    found = []
    for warm_up in (2, 10**9):
        monkeypatch.setattr("aislewatch.train.graphs.WARM_UP", warm_up)
        model, rows = train(recipe, data, Processes(DEVICE), lambda row: None)
        found.append((rows, [parameter.detach().cpu() for parameter in model.parameters()]))
    (recorded_rows, recorded), (direct_rows, direct) = found
    assert recorded_rows == direct_rows
    assert all(torch.equal(a, b) for a, b in zip(recorded, direct, strict=True))


@pytest.mark.skipif(not CUDA, reason="only a GPU has streams")
def test_nothing_is_copied_on_the_stream_that_is_recorded() -> None:
    """torch hands out the same 32 streams by turns: a later feed must not get the recorder's."""
    alone = torch.zeros(2)
    for _ in range(40):
        batch = DeviceBatch(alone, alone, ClipViews(*[alone] * 5), alone, alone)
        list(prefetch([batch], DEVICE))
    streams = side_streams(DEVICE)
    assert streams is side_streams(DEVICE)
    assert streams.copying.cuda_stream != streams.recording.cuda_stream


def test_a_network_with_cudnn_s_lstm_is_not_recorded() -> None:
    recorded = {name: can_be_recorded(make_model(name)) for name in ARCHITECTURES}
    assert recorded == {"convlstm": True, "cnn": True, "lstm": False, "cnn_lstm": False}


@pytest.mark.skipif(not CUDA, reason="CUDA graphs need an NVIDIA GPU")
@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize("mixed", [0, 1])
def test_a_recorded_step_gives_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, norm: str, mixed: int
) -> None:
    found = []
    for warm_up in (2, 99):
        monkeypatch.setattr("aislewatch.train.graphs.WARM_UP", warm_up)
        model = make_model("convlstm", norm=norm).to(DEVICE)
        model = compute_in(model, "bf16_fused").train()
        optimizer = PAPER_ADAM.over(model.parameters())
        stepper = Stepper(model, optimizer, 2.0, Processes(DEVICE), at_once=8)
        figures = []
        # The smaller batch in between is computed directly, and must not disturb the recording.
        for number, clips in enumerate([8, 8, 8, 8, 5, 8, 8]):
            read = clips + mixed
            host = DeviceBatch(
                random_clips(read, seed=number),
                (torch.arange(read) % 2).float(),
                draw_views(LEARNING, 0, number, np.arange(read)),
                torch.arange(clips) + number,
                draw_shares(0.4 * mixed, 0, number, np.arange(clips)),
            )
            (batch,) = prefetch([host], DEVICE)
            figures.append(stepper.step(batch, clips, rate_factor=1 / (1 + number)))
        found.append([torch.stack(figures), *(x.detach() for x in model.state_dict().values())])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.skipif(not CUDA, reason="only a GPU is fed by a thread")
def test_feed_copies_before_memory_is_used_again() -> None:
    buffer = torch.empty(64, 2**20, dtype=torch.uint8, pin_memory=True)

    def batches() -> Iterator[DeviceBatch]:
        for number in range(20):
            buffer.fill_(number)
            alone = torch.zeros(64)
            yield DeviceBatch(buffer, alone, ClipViews(*[alone] * 5), alone, alone)

    seen = [(batch.yuv.min(), batch.yuv.max()) for batch in prefetch(batches(), DEVICE)]
    assert [(int(low), int(high)) for low, high in seen] == [(n, n) for n in range(20)]


@pytest.mark.skipif(not CUDA, reason="only a GPU is fed by a thread")
def test_feed_passes_errors_on() -> None:
    def batches() -> Iterator[DeviceBatch]:
        alone = torch.zeros(2)
        yield DeviceBatch(alone, alone, ClipViews(*[alone] * 5), alone, alone)
        raise FootageError("gone.yuv is missing")

    fed = prefetch(batches(), DEVICE)
    next(fed)
    with pytest.raises(FootageError, match="gone"):
        next(fed)
