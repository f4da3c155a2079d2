"""The networks, and their way to disk and back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from aislewatch.errors import ConfigError, ModelError
from aislewatch.models.build import NETWORKS, load_model, save_model
from aislewatch.models.encoder import mixes_clips
from aislewatch.models.facts import model_facts
from aislewatch.models.input import ClipViews
from aislewatch.register.export import Examples, export_onnx
from aislewatch.train.kernels.precision import compute_in
from tests.tiny_clips import N_FRAMES
from tests.tiny_models import make_model, random_clips

ARCHITECTURES = tuple(NETWORKS)


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


@pytest.mark.parametrize("kind", ["rgb", "diff"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_score_is_the_mean_of_both_mirrorings(architecture: Any, kind: str) -> None:
    plain = make_model(architecture, input=kind)
    mirroring = make_model(architecture, input=kind, mirrors=True)
    yuv_BTKW, none, one = random_clips(3), torch.zeros(3), torch.ones(3)
    both = [
        plain.eval()(yuv_BTKW, ClipViews(none, none, one, mirrored, one))
        for mirrored in (none, one)
    ]
    assert not torch.allclose(*both, atol=1e-4)
    torch.testing.assert_close(mirroring.eval()(yuv_BTKW), (both[0] + both[1]) / 2)
    mirroring.temperature.fill_(2.0)
    torch.testing.assert_close(mirroring(yuv_BTKW), (both[0] + both[1]) / 4)
    # Training learns from a clip as it is drawn.
    assert torch.equal(
        *(
            model.train()(yuv_BTKW, seeds_B=none.long())
            for model in (plain, make_model(architecture, input=kind, mirrors=True))
        )
    )


def test_only_batch_norm_mixes_clips() -> None:
    clips = random_clips(3)
    for norm in ("none", "batch", "group"):
        model = make_model("convlstm", norm=norm, dropout=0.0)
        assert mixes_clips(model) == (norm == "batch")
        one, three = model(clips[:1]), model(clips)
        assert torch.allclose(one, three[:1], atol=1e-5) == (norm != "batch")
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d | nn.GroupNorm)]
        assert len(norms) == (norm != "none")
        convolution = model.network.encoder.levels[0]
        assert (convolution.bias is None) == (norm != "none")


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
    names = [module, "encoder", "dropout", "colours"]  # what the networks share
    allowed = [f"aislewatch.models.{name}" for name in names] + ["aislewatch.models"]
    # By how much a dark picture is brightened, which the person's detector is told, too.
    allowed += ["aislewatch.frames", "aislewatch.frames.light"]
    command = [sys.executable, "-c", BLOCKER, *allowed]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_too_many_levels_for_the_input() -> None:
    with pytest.raises(ConfigError, match=r"model\.input_size 16 is too small"):
        make_model("convlstm", input_size=16, encoder_channels=[4, 4, 4, 4])


CHANGES = ({}, {"norm": "batch", "mirrors": True}, {"norm": "group", "mirrors": True})


@pytest.mark.parametrize("changes", CHANGES, ids=["plain", "batch", "group"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_exports_to_onnx_for_any_batch(
    architecture: Any, changes: dict[str, Any], tmp_path: Path
) -> None:
    model = make_model(architecture, **changes)
    model(random_clips(3, seed=2))  # so that batch norm has seen something
    model.eval()
    difference = export_onnx(model, Examples(random_clips(2).numpy()), tmp_path / "model.onnx")
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
        export_onnx(Drifting().eval(), Examples(random_clips(2).numpy()), tmp_path / "model.onnx")


def test_facts_are_what_can_be_counted_by_hand(tmp_path: Path) -> None:
    model = make_model("cnn", input="rgb", encoder_channels=[8], input_size=16).eval()
    graph, clips_BTKW = tmp_path / "model.onnx", random_clips(2).numpy()
    export_onnx(model, Examples(clips_BTKW), graph)
    facts = model_facts(model, graph, clips_BTKW[0], clips_BTKW[0])
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
