"""Recorded CUDA graphs and the feed of a GPU: the same bits as direct steps and plain copies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aislewatch.config.params import parse_params
from aislewatch.errors import FootageError
from aislewatch.models.build import NETWORKS
from aislewatch.models.input import ClipViews
from aislewatch.train.adam import PAPER_ADAM
from aislewatch.train.augment import draw_views
from aislewatch.train.data import load_training_data
from aislewatch.train.graphs import can_be_recorded
from aislewatch.train.kernels.precision import compute_in
from aislewatch.train.loop import Recipe, train
from aislewatch.train.mixup import draw_shares
from aislewatch.train.prefetch import DeviceBatch, prefetch, side_streams
from aislewatch.train.processes import Processes
from aislewatch.train.step import Stepper
from tests.tiny_clips import tiny_params, write_store
from tests.tiny_models import make_model, random_clips
from tests.train.exactly import compute_exactly

ARCHITECTURES = tuple(NETWORKS)
CUDA = torch.cuda.is_available()
pytest.importorskip("triton", reason="comes with CUDA builds of torch, and with aislewatch[dev]")
DEVICE = torch.device("cuda" if CUDA else "cpu")

LEARNING = parse_params(tiny_params(), "test").learning


@pytest.fixture(autouse=True)
def deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    compute_exactly(monkeypatch)


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
