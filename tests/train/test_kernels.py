"""Our own GPU kernels compute what the plain networks compute.

On a GPU they run as compiled; elsewhere by Triton's interpreter, in float32, since its products of
bf16 are wrong (3.7.1). Either needs Triton, which CUDA builds of torch bring along.
"""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from aislewatch.config.params import parse_params
from aislewatch.models.build import NETWORKS
from aislewatch.models.convlstm import ConvLSTM
from aislewatch.models.encoder import FrameEncoder
from aislewatch.models.input import ClipInput, ClipViews
from aislewatch.train.kernels.precision import compute_in, use_kernels
from tests.tiny_clips import tiny_params
from tests.tiny_models import make_model, random_clips
from tests.train.exactly import compute_exactly

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
    compute_exactly(monkeypatch)
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
