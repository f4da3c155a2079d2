"""Training on what a machine has: memory, precision, several processes, its profile."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from aislewatch.errors import TrainingError
from aislewatch.models.build import Detector, load_model
from aislewatch.models.scoring import set_up_compute
from aislewatch.models.sizes import network_of
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import train
from aislewatch.train.processes import Processes
from aislewatch.train.profiling import TRACED_STEPS
from stages import train as train_stage
from tests.tiny_clips import (
    run_stage_in,
    start_in,
    write_project,
)
from tests.train.small_training import (
    ALONE,
    DEVICE,
    WAYS,
    ignore,
    make_recipe,
    params_of,
    recipe_with,
)

# How far losses may move, relatively, when a batch is cut up and its sums are in another order: a
# GPU's convolutions round to TF32, 2^-11, by torch's default.
SUMS_GPU = 2e-2


SUMS = SUMS_GPU if DEVICE.type == "cuda" else 1e-4


@pytest.mark.parametrize("way", WAYS)
def test_out_of_memory_halves_what_is_computed_at_once(
    data: TrainingData,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    learning = params_of(learning=WAYS[way]).learning
    recipe = recipe_with({"norm": "group" if way == "all" else "none"}, 2, **WAYS[way])
    straight, rows = train(recipe, data, ALONE, ignore)
    forward, seen = Detector.forward, []

    def full_at_three(model: Detector, yuv_BTKW: torch.Tensor, *rest: Any) -> torch.Tensor:
        if model.training:
            seen.append(len(yuv_BTKW))
        if model.training and len(yuv_BTKW) > room:
            raise torch.OutOfMemoryError("as on a GPU")
        return forward(model, yuv_BTKW, *rest)

    room = 3
    monkeypatch.setattr(Detector, "forward", full_at_three)
    model, rows_in_parts = train(recipe, data, ALONE, ignore)
    before = int(learning.mixup > 0)  # the clip that is mixed into the first of a part
    assert seen[:7] == [before + n for n in (8, 4, 2, 2, 2, 2, 2)]
    assert [record.message for record in caplog.records] == [
        f"out of memory on {DEVICE}: from now on at most {n} clips at once, their gradients "
        "added up; the batch stays 8 clips"
        for n in (4, 2)
    ]
    for whole, parts in zip(rows, rows_in_parts, strict=True):
        np.testing.assert_allclose(dataclasses.astuple(parts), dataclasses.astuple(whole), SUMS)
    for whole, parts in zip(straight.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(parts, whole, atol=SUMS, rtol=1e-3)
    room = 0
    with pytest.raises(TrainingError, match=f"one clip does not fit into the memory of {DEVICE}"):
        train(recipe, data, ALONE, ignore)


def test_batch_norm_refuses_what_would_cut_a_batch_up(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_with({"norm": "batch"}, epochs=1)
    with pytest.raises(TrainingError, match=r"several processes cannot share; set model\.norm to"):
        train(recipe, data, dataclasses.replace(ALONE, count=2), ignore)

    def full(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("as on a GPU")

    monkeypatch.setattr(Detector, "forward", full)
    with pytest.raises(TrainingError, match=r"cannot be computed in parts; set model\.norm to"):
        train(recipe, data, ALONE, ignore)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_full_gpu_learns_the_same_in_parts(
    data: TrainingData, caplog: pytest.LogCaptureFixture
) -> None:
    gpu = Processes(torch.device("cuda"))
    big = params_of(model={"hidden_channels": 256}, learning={"batch_size": 48})
    recipe = make_recipe(2, learning=big.learning)
    recipe = dataclasses.replace(
        recipe, config=recipe.config.model_copy(update={"model": network_of(big.model)})
    )
    torch.cuda.reset_peak_memory_stats()
    _, rows = train(recipe, data, gpu, ignore)
    share = torch.cuda.max_memory_reserved() / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(share * 0.6)
    try:
        _, rows_in_parts = train(recipe, data, gpu, ignore)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert any("at most 24 clips at once" in record.message for record in caplog.records)
    for whole, parts in zip(rows, rows_in_parts, strict=True):
        np.testing.assert_allclose(dataclasses.astuple(parts), dataclasses.astuple(whole), SUMS_GPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(TrainingError, match="torch sees no GPU"):
        set_up_compute(params_of(machine={"device": "cuda"}).machine)


def test_our_gpu_kernels_are_refused_on_a_cpu(data: TrainingData) -> None:
    with pytest.raises(TrainingError, match="needs an NVIDIA GPU"):
        train(make_recipe(1, precision="bf16_fused"), data, Processes(torch.device("cpu")), ignore)


def test_training_in_bf16_learns_and_repeats_itself(data: TrainingData) -> None:
    recipe = make_recipe(2, precision="bf16")
    (first, rows), (second, again) = (train(recipe, data, ALONE, ignore) for _ in range(2))
    assert rows == again
    assert rows[-1].train_loss < rows[0].train_loss
    weights = second.state_dict()
    assert all(torch.equal(x, weights[name]) for name, x in first.state_dict().items())


@pytest.mark.parametrize(
    ("device", "count"),
    [
        ("cpu", 3),
        pytest.param(
            *("cuda", 2),
            marks=pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs"),
        ),
    ],
)
@pytest.mark.parametrize("way", ["plain", "all"])
def test_several_processes_of_torchrun_learn_as_one(
    tmp_path: Path, device: str, count: int, way: str
) -> None:
    # Of an epoch's 48 clips the last step has two: a third process gets none.
    uneven = {"learning": {"batch_size": 23} | WAYS[way], "machine": {"device": device}}
    if way == "all":
        uneven["model"] = {"norm": "group", "mirrors": True}
    one = write_project(tmp_path / "one", **uneven)
    several = write_project(tmp_path / "several", **uneven)
    run_stage_in(one, train_stage, "convlstm")
    torchrun = ("torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "-m")
    process = start_in(several, *torchrun, "stages.train", "convlstm")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert output.count("convlstm epoch 4/4") == 1
    assert len(list((several / "runs").glob("*.jsonl"))) == 1
    curves = [pd.read_csv(project / "metrics/curves/convlstm.csv") for project in (one, several)]
    np.testing.assert_allclose(*curves, rtol=1e-4 if device == "cpu" else SUMS_GPU)
    weights = [load_model(project / "models/convlstm").state_dict() for project in (one, several)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(
            weights[1][name], tensor, atol=1e-5 if device == "cpu" else 0.02, rtol=1e-4
        )


def test_profile_writes_a_trace_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_project(tmp_path / "project")
    run_stage_in(project, train_stage, "convlstm", "--profile")
    events = json.loads((project / ".aislewatch/profiles/train@convlstm.json").read_text())
    names = {event["name"] for event in events["traceEvents"]}
    assert {"aten::convolution", "aten::convolution_backward"} <= names
    steps = [name for name in names if name.startswith("ProfilerStep#")]
    assert len(steps) == TRACED_STEPS
    assert "Self CPU %" in capsys.readouterr().out
    assert not (project / "models").exists()
    assert list((project / "runs").iterdir()) == []
