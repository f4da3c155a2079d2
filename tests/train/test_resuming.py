"""A training that was killed goes on, and ends with the same bytes."""

import dataclasses
import itertools
import json
import multiprocessing
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from aislewatch.files import sha256_file, sha256_tree
from aislewatch.models.scoring import set_up_compute
from aislewatch.train.checkpoint import Checkpoint, result_key
from aislewatch.train.data import TrainingData, load_training_data
from aislewatch.train.loop import LOOK_STEPS, train
from aislewatch.train.step import Stepper
from aislewatch.train.validation import EpochRow
from stages import train as train_stage
from tests.tiny_clips import (
    kill_at,
    run_stage_in,
    start_in,
    write_project,
    write_store,
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

# Checkpoints


def final_weights(model: torch.nn.Module) -> list[bytes]:
    return [tensor.cpu().contiguous().numpy().tobytes() for tensor in model.state_dict().values()]


@pytest.mark.parametrize("way", WAYS)
def test_resumed_after_every_epoch_ends_the_same(
    data: TrainingData, tmp_path: Path, way: str
) -> None:
    recipe = make_recipe(4, learning=params_of(learning=WAYS[way]).learning)
    straight, rows = train(recipe, data, ALONE, ignore)

    def stop(row: EpochRow) -> None:
        if row.epoch > seen[-1]:
            seen.append(row.epoch)
            raise KeyboardInterrupt

    seen = [0]
    checkpoint = Checkpoint(tmp_path, "key")
    for _ in range(recipe.epochs):
        with pytest.raises(KeyboardInterrupt):
            train(recipe, data, ALONE, stop, checkpoint)
    again: list[EpochRow] = []
    resumed, rows_resumed = train(recipe, data, ALONE, again.append, checkpoint)
    assert seen == [0, 1, 2, 3, 4]
    assert again == rows_resumed == rows
    assert final_weights(resumed) == final_weights(straight)


@pytest.mark.parametrize(
    ("way", "norm"), [*((way, "none") for way in WAYS), ("all", "batch"), ("all", "group")]
)
def test_resumed_inside_an_epoch_ends_the_same(
    data: TrainingData, tmp_path: Path, way: str, norm: str
) -> None:
    recipe = recipe_with({"norm": norm, "mirrors": way == "all"}, 2, batch_size=2, **WAYS[way])
    straight, rows = train(recipe, data, ALONE, ignore)
    checkpoint, left = Checkpoint(tmp_path, "key", every_s=0.0), itertools.count(1)

    def stop() -> None:
        if next(left) == 24 + 20:  # an epoch has 24 steps, and saves at the 16th
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, ALONE, ignore, checkpoint, stop)
    saved = torch.load(tmp_path / "key.pt", weights_only=True)
    assert (len(saved["rows"]), len(saved["losses"])) == (1, LOOK_STEPS)
    resumed, rows_resumed = train(recipe, data, ALONE, ignore, checkpoint)
    assert rows_resumed == rows
    assert final_weights(resumed) == final_weights(straight)


def train_to_the_end(folder: Path, store: Path) -> None:
    """Train six epochs with a batch of one clip, 48 steps an epoch, saving at every look."""
    set_up_compute(params_of().machine)
    data = load_training_data(store / "data/dataset/splits.parquet", store / "data/dataset/frames")
    learning = params_of(learning={"batch_size": 1} | WAYS["all"]).learning
    recipe = make_recipe(6, learning=learning)
    train(recipe, data, ALONE, ignore, Checkpoint(folder, "key", every_s=0.0))


def train_and_die(folder: Path, store: Path, steps: int, delay_s: float) -> None:
    """The same, ended by a signal ``delay_s`` after the start of its step number ``steps``."""
    step, left = Stepper.step, itertools.count(1)

    def last_steps(*arguments: Any) -> torch.Tensor:
        if next(left) == steps:
            signal.setitimer(signal.ITIMER_REAL, delay_s)  # its default action ends the process
        return step(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stepper, "step", last_steps)
        train_to_the_end(folder, store)


def test_killed_at_twenty_random_points_ends_the_same(data: TrainingData, tmp_path: Path) -> None:
    store = data.frames_dir.parents[2]
    train_to_the_end(tmp_path / "straight", store)
    generator_after = torch.get_rng_state()
    # A server that has all of torch loaded forks the children: a start costs little. CUDA forbids.
    context = multiprocessing.get_context("spawn" if DEVICE.type == "cuda" else "forkserver")
    multiprocessing.set_forkserver_preload(["tests.train.test_resuming", "torch._dynamo"])
    random, progress = np.random.default_rng(), set()
    for _ in range(20):
        # In a step, a look, a saving or a validation: a step takes 5 ms on an idle core.
        end = int(random.integers(1, 24)), float(random.uniform(1e-6, 0.02))
        child = context.Process(target=train_and_die, args=(tmp_path / "killed", store, *end))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGALRM
        if (file := tmp_path / "killed/key.pt").exists():
            state = torch.load(file, weights_only=True)
            progress.add((len(state["rows"]), len(state["losses"])))
    assert any(steps for _, steps in progress), "no kill found a state from inside an epoch"
    train_to_the_end(tmp_path / "killed", store)
    straight, killed = (tmp_path / name / "key.pt" for name in ("straight", "killed"))
    # Weights, optimizer, curve and best weights.
    assert_same(*(torch.load(file, weights_only=True) for file in (straight, killed)))
    assert torch.equal(torch.get_rng_state(), generator_after)


def assert_same(a: Any, b: Any) -> None:
    """Equal to the bit, through dictionaries and lists."""
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b


def test_a_corrupt_checkpoint_is_trained_over(data: TrainingData, tmp_path: Path) -> None:
    straight, _ = train(make_recipe(1), data, ALONE, ignore)
    for damage in (b"", b"not a checkpoint", b"PK\x03\x04 nor this"):
        (tmp_path / "key.pt").write_bytes(damage)
        model, _ = train(make_recipe(1), data, ALONE, ignore, Checkpoint(tmp_path, "key"))
        assert final_weights(model) == final_weights(straight)


def test_checkpoints_of_other_settings_are_removed(tmp_path: Path) -> None:
    Checkpoint(tmp_path, "old").save({"epoch": 1})
    assert Checkpoint(tmp_path, "old").load() == {"epoch": 1}
    (tmp_path / ".old.pt.x.tmp").write_bytes(b"a kill while saving")
    assert Checkpoint(tmp_path, "new").load() is None
    assert list(tmp_path.iterdir()) == []


def test_the_key_changes_with_whatever_decides_the_result(
    data: TrainingData, tmp_path: Path
) -> None:
    write_store(tmp_path)
    data = dataclasses.replace(data, frames_dir=tmp_path / "data/dataset/frames")
    keys = [result_key({"lr": lr}, data, DEVICE, {}) for lr in (1, 2)]
    fewer = dataclasses.replace(data, train=data.train[1:])
    keys.append(result_key({"lr": 1}, fewer, DEVICE, {}))
    assert keys[0] == result_key({"lr": 1}, data, DEVICE, {})
    (tmp_path / "data/dataset/frames/train0.yuv").write_bytes(b"shorter")
    keys.append(result_key({"lr": 1}, data, DEVICE, {}))
    keys.append(result_key({"lr": 1}, data, DEVICE, {"train/loop.py": "changed"}))
    assert len(set(keys)) == 5


# Stage


def outputs(folder: Path) -> list[str]:
    files = ("metrics/train/convlstm.json", "metrics/curves/convlstm.csv")
    return [
        sha256_tree(folder / "models/convlstm"),
        *(sha256_file(folder / name) for name in files),
    ]


PIPELINE = """
stages:
  train:
    cmd: python -m stages.train convlstm
    deps: [data/dataset/frames, data/dataset/splits.parquet]
    outs: [models/convlstm]
    metrics: [metrics/train/convlstm.json]
    plots: [metrics/curves/convlstm.csv]
"""


def test_a_killed_repro_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    straight, killed = write_project(tmp_path / "straight"), write_project(tmp_path / "killed")
    run_stage_in(straight, train_stage, "convlstm")
    for command in ("git init -q", "dvc init -q"):
        subprocess.run(command.split(), cwd=killed, check=True)
    (killed / "dvc.yaml").write_text(PIPELINE)
    (killed / "models/convlstm").mkdir(parents=True)
    (killed / "models/convlstm/weights.safetensors").write_text("of an earlier training")
    repro = start_in(killed, "dvc", "repro")
    kill_at(repro, "convlstm epoch 2/4")
    assert not (killed / "models/convlstm").exists()  # DVC removed it before it ran the stage
    checkpoints = killed / ".aislewatch/checkpoints/convlstm"
    assert len(list(checkpoints.glob("*.pt"))) == 1
    output, _ = start_in(killed, "dvc", "repro").communicate()
    assert "convlstm epoch 4/4" in output
    assert outputs(killed) == outputs(straight)
    assert list(checkpoints.iterdir()) == []
    metrics = json.loads((killed / "metrics/train/convlstm.json").read_text())
    assert metrics["epochs_run"] == 4
    curve = pd.read_csv(killed / "metrics/curves/convlstm.csv")
    assert list(curve.columns) == ["epoch", "train_loss", "val_loss", "val_auc", "val_accuracy"]
