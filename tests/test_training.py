"""Training: what it optimises, what it shows when, and that it repeats itself to the bit."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from aislewatch.config import Params, parse_params
from aislewatch.errors import FootageError, TrainingError
from aislewatch.files import sha256_tree
from aislewatch.models.build import ModelConfig, build
from aislewatch.scoring import clip_logits, score_clips, set_up_compute
from aislewatch.training.augment import draw_views
from aislewatch.training.checkpoint import Checkpoint, result_key
from aislewatch.training.data import TrainingData, epoch_order, load_training_data
from aislewatch.training.loop import Adam, EpochRow, Recipe, roc_auc, train
from aislewatch.training.losses import focal_loss
from stages import train as train_stage
from tests.tiny_clips import (
    N_FRAMES,
    SIZE,
    kill_stage_at,
    run_stage_in,
    tiny_params,
    write_project,
    write_store,
)

CPU = torch.device("cpu")
ADAM = Adam(lr=0.005, beta1=0.9, beta2=0.99, eps=1e-7)


def params_of(**changes: dict[str, Any]) -> Params:
    return parse_params(tiny_params(**changes), "test")


def make_recipe(epochs: int, **changes: Any) -> Recipe:
    params = params_of()
    config = ModelConfig(
        architecture="convlstm",
        model=params.model,
        frame_size=SIZE,
        n_frames=N_FRAMES,
        step=1,
        fps=10,
    )
    recipe = Recipe(config, params.learning, ADAM, epochs, patience=epochs, seed=0)
    return dataclasses.replace(recipe, **changes)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder)
    set_up_compute(params_of().compute)
    return load_training_data(folder / "data/splits.parquet", folder / "data/frames")


def ignore(row: EpochRow) -> None:
    pass


# Loss

LOGITS = st.lists(st.floats(-80, 80), min_size=1, max_size=8)


@settings(deadline=None)
@given(LOGITS)
def test_focal_loss_without_gamma_is_cross_entropy(logits: list[float]) -> None:
    logits_B = torch.tensor(logits, dtype=torch.float64)
    labels_B = (torch.arange(len(logits)) % 2).double()
    expected = binary_cross_entropy_with_logits(logits_B, labels_B)
    torch.testing.assert_close(focal_loss(logits_B, labels_B, gamma=0.0), expected)


@settings(deadline=None)
@given(LOGITS, st.floats(0.1, 5))
def test_focal_loss_is_the_formula(logits: list[float], gamma: float) -> None:
    logits_B = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    labels_B = (torch.arange(len(logits)) % 2).double()
    p_true_B = torch.where(labels_B == 1, torch.sigmoid(logits_B), torch.sigmoid(-logits_B))
    p_false_B = torch.where(labels_B == 1, torch.sigmoid(-logits_B), torch.sigmoid(logits_B))
    loss = focal_loss(logits_B, labels_B, gamma)
    torch.testing.assert_close(loss, -(p_false_B**gamma * p_true_B.log()).mean())
    (gradient,) = torch.autograd.grad(loss, logits_B)
    assert gradient.isfinite().all()


# Order and augmentation

LABELS = st.lists(st.integers(0, 1), min_size=2, max_size=50).filter(lambda x: len(set(x)) == 2)


@settings(deadline=None)
@given(LABELS, st.integers(0, 5), st.integers(1, 5))
def test_oversampling_shows_both_classes_equally(labels: list[int], seed: int, epoch: int) -> None:
    array = np.array(labels)
    order = epoch_order(array, seed, epoch, oversample=True)
    assert (array[order] == 0).sum() == (array[order] == 1).sum()
    assert len(order) - len(labels) in (0, 1)
    counts = np.bincount(order, minlength=len(labels))
    for label in (0, 1):
        assert np.ptp(counts[array == label]) <= 1
    assert np.array_equal(order, epoch_order(array, seed, epoch, oversample=True))


def test_order_without_oversampling_is_a_permutation_of_its_own_each_epoch() -> None:
    labels = np.array([0] * 30 + [1] * 10)
    first, second = (epoch_order(labels, 0, epoch, oversample=False) for epoch in (1, 2))
    assert sorted(first) == list(range(40))
    assert not np.array_equal(first, second)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=6, unique=True),
    st.integers(0, 100),
    st.integers(1, 100),
)
def test_a_view_depends_on_seed_epoch_and_position_alone(
    positions: list[int], seed: int, epoch: int
) -> None:
    learning = params_of(learning={"flip": 0.5}).learning
    together = draw_views(learning, seed, epoch, np.array(positions))
    for row, position in enumerate(positions):
        alone = draw_views(learning, seed, epoch, np.array([position]))
        assert all(float(a[0]) == float(b[row]) for a, b in zip(alone, together, strict=True))
    other = draw_views(learning, seed, epoch + 1, np.array(positions))
    assert not torch.equal(together.gain, other.gain)
    assert ((together.left >= 0) & (together.left + together.side <= 1 + 1e-6)).all()
    assert ((together.top >= 0) & (together.top + together.side <= 1 + 1e-6)).all()
    assert (together.side >= np.float32(learning.crop)).all()
    assert ((together.gain - 1).abs() <= learning.brightness + 1e-6).all()


def test_views_mirror_as_often_as_asked() -> None:
    for flip in (0.0, 0.5, 1.0):
        learning = params_of(learning={"flip": flip}).learning
        mirrored = draw_views(learning, 0, 1, np.arange(1000)).mirrored
        assert float(mirrored.mean()) == pytest.approx(flip, abs=0.05)


# Data


def test_a_split_without_a_class_is_refused(tmp_path: Path) -> None:
    write_store(tmp_path)
    file = tmp_path / "data/splits.parquet"
    clips = pd.read_parquet(file)
    clips[(clips["split"] == "val") | (clips["label"] == 0)].to_parquet(file)
    with pytest.raises(TrainingError, match="train split has 24 normal and 0 shoplifting clips"):
        load_training_data(file, tmp_path / "data/frames")
    clips[(clips["split"] == "train") | (clips["label"] == 1)].to_parquet(file)
    with pytest.raises(TrainingError, match="val split has 0 normal"):
        load_training_data(file, tmp_path / "data/frames")
    file.unlink()
    with pytest.raises(TrainingError, match="run the split stage first"):
        load_training_data(file, tmp_path / "data/frames")


def test_a_missing_frame_file_is_an_error_of_ours(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(FootageError):
        train(make_recipe(1), dataclasses.replace(data, frames_dir=tmp_path), CPU, ignore)


# Loop


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=30))
def test_auc_is_scikit_learns(clips: list[tuple[int, int]]) -> None:
    logits_N, labels_N = torch.tensor([*clips, (0, 0), (0, 1)], dtype=torch.float32).unbind(1)
    expected = roc_auc_score(labels_N.numpy(), logits_N.numpy())
    assert roc_auc(logits_N, labels_N) == pytest.approx(expected)


def test_a_tiny_problem_is_learned(data: TrainingData) -> None:
    model, rows = train(make_recipe(12), data, CPU, ignore)
    best = min(rows, key=lambda row: row.val_loss)
    assert best.val_auc > 0.95
    scores = score_clips(model, data.val, data.frames_dir, CPU, batch=5)
    right = (scores > 0.5) == (data.val["label"].to_numpy() == 1)
    assert right.mean() == pytest.approx(best.val_accuracy)


def test_best_weights_come_back_and_patience_ends_it(data: TrainingData) -> None:
    # With the labels of validation exchanged, every epoch learned makes its loss worse.
    data = dataclasses.replace(data, val=data.val.assign(label=1 - data.val["label"]))
    recipe = make_recipe(40, patience=2)
    model, rows = train(recipe, data, CPU, ignore)
    best = min(rows, key=lambda row: row.val_loss)
    assert len(rows) == best.epoch + 2 < 40
    logits_N = clip_logits(model, data.val, data.frames_dir, CPU, batch=8)
    labels_N = torch.tensor(data.val["label"].to_numpy(), dtype=torch.float32)
    loss = focal_loss(logits_N, labels_N, recipe.learning.focal_gamma)
    assert float(loss) == best.val_loss


def test_scores_do_not_depend_on_the_batch(data: TrainingData) -> None:
    torch.manual_seed(0)
    model = build(make_recipe(1).config)
    one, many = (score_clips(model, data.val, data.frames_dir, CPU, n) for n in (1, 7))
    assert one.shape == (len(data.val),)
    np.testing.assert_allclose(one, many, atol=1e-6)
    assert score_clips(model, data.val[:0], data.frames_dir, CPU, 4).shape == (0,)


def test_a_loss_that_is_no_number_names_the_batch(data: TrainingData) -> None:
    recipe = make_recipe(3, adam=dataclasses.replace(ADAM, lr=1e37))
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in epoch 1, batch 2 of 6"):
        train(recipe, data, CPU, ignore)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(TrainingError, match="torch sees no GPU"):
        set_up_compute(params_of(compute={"device": "cuda"}).compute)


# Checkpoints


def final_weights(model: torch.nn.Module) -> list[bytes]:
    return [tensor.contiguous().numpy().tobytes() for tensor in model.state_dict().values()]


def test_resumed_after_every_epoch_ends_the_same(data: TrainingData, tmp_path: Path) -> None:
    recipe = make_recipe(4)
    straight, rows = train(recipe, data, CPU, ignore)

    def stop(row: EpochRow) -> None:
        if row.epoch > seen[-1]:
            seen.append(row.epoch)
            raise KeyboardInterrupt

    seen = [0]
    checkpoint = Checkpoint(tmp_path, "key")
    for _ in range(recipe.epochs):
        with pytest.raises(KeyboardInterrupt):
            train(recipe, data, CPU, stop, checkpoint)
    again: list[EpochRow] = []
    resumed, rows_resumed = train(recipe, data, CPU, again.append, checkpoint)
    assert seen == [0, 1, 2, 3, 4]
    assert again == rows_resumed == rows
    assert final_weights(resumed) == final_weights(straight)


def test_a_corrupt_checkpoint_is_trained_over(data: TrainingData, tmp_path: Path) -> None:
    straight, _ = train(make_recipe(1), data, CPU, ignore)
    for damage in (b"", b"not a checkpoint", b"PK\x03\x04 nor this"):
        (tmp_path / "key.pt").write_bytes(damage)
        model, _ = train(make_recipe(1), data, CPU, ignore, Checkpoint(tmp_path, "key"))
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
    data = dataclasses.replace(data, frames_dir=tmp_path / "data/frames")
    keys = [result_key({"lr": 1}, data, CPU), result_key({"lr": 2}, data, CPU)]
    fewer = dataclasses.replace(data, train=data.train[1:])
    keys.append(result_key({"lr": 1}, fewer, CPU))
    assert keys[0] == result_key({"lr": 1}, data, CPU)
    (tmp_path / "data/frames/train0.yuv").write_bytes(b"shorter")
    keys.append(result_key({"lr": 1}, data, CPU))
    assert len(set(keys)) == 4


# Stage


def outputs(folder: Path) -> dict[str, str]:
    return {name: sha256_tree(folder / name) for name in ("models", "metrics")}


def test_killed_and_resumed_stage_gives_the_same_bytes(tmp_path: Path) -> None:
    straight, killed = write_project(tmp_path / "straight"), write_project(tmp_path / "killed")
    run_stage_in(straight, train_stage, "convlstm")
    kill_stage_at(killed, "convlstm epoch 2/4", "train", "convlstm")
    assert not (killed / "models").exists()
    run_stage_in(killed, train_stage, "convlstm")
    assert outputs(killed) == outputs(straight)
    checkpoints = killed / ".aislewatch/checkpoints/convlstm"
    assert list(checkpoints.iterdir()) == []
    metrics = json.loads((killed / "metrics/train/convlstm.json").read_text())
    assert metrics["epochs_run"] == 4
    curve = pd.read_csv(killed / "metrics/curves/convlstm.csv")
    assert list(curve.columns) == ["epoch", "train_loss", "val_loss", "val_auc", "val_accuracy"]


def test_the_papers_row_is_rgb_with_the_papers_adam(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", train={"epochs": 1, "optimizer": "tuned"})
    (project / "data/best.json").unlink()
    run_stage_in(project, train_stage, "convlstm_paper")
    config = json.loads((project / "models/convlstm_paper/config.json").read_text())
    assert (config["architecture"], config["model"]["input"]) == ("convlstm", "rgb")
    journal = (project / "runs/train@convlstm_paper.0.jsonl").read_text()
    assert '"optimizer.lr": 0.0003' in journal
    with pytest.raises(SystemExit, match=r"best\.json is missing or corrupt"):
        run_stage_in(project, train_stage, "cnn")
