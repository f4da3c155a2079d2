"""Training: it learns, says what it cannot learn from, and goes on from another network."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from aislewatch.errors import FootageError, ModelError, TableError, TrainingError
from aislewatch.frames.batches import read_batches
from aislewatch.models.build import build, save_model
from aislewatch.models.scoring import clip_addresses, clip_logits, score_clips
from aislewatch.register.export import Examples, export_onnx
from aislewatch.tables import places
from aislewatch.train.data import TrainingData, epoch_order, load_training_data
from aislewatch.train.loop import train
from aislewatch.train.losses import focal_loss
from aislewatch.train.stage import recipe_of
from aislewatch.train.start import NOT_LOADED, load_pretrained
from aislewatch.train.tuned import PAPER
from tests.tiny_clips import (
    SIZE,
    write_store,
)
from tests.train.small_training import ADAM, ALONE, DEVICE, ignore, make_recipe, params_of

# How far a score may move with the batch it is computed in; 1e-5 seen on an H200, as above.
SCORES = 1e-4 if DEVICE.type == "cuda" else 1e-6


# Data


def test_a_split_without_a_class_is_refused(tmp_path: Path) -> None:
    write_store(tmp_path)
    file = tmp_path / "data/dataset/splits.parquet"
    clips = pd.read_parquet(file)
    clips[(clips["split"] == "val") | (clips["label"] == 0)].to_parquet(file)
    with pytest.raises(TrainingError, match="train split has 24 normal and 0 shoplifting clips"):
        load_training_data(file, tmp_path / "data/dataset/frames")
    clips[(clips["split"] == "train") | (clips["label"] == 1)].to_parquet(file)
    with pytest.raises(TrainingError, match="val split has 0 normal"):
        load_training_data(file, tmp_path / "data/dataset/frames")
    file.unlink()
    with pytest.raises(TableError, match="run the split stage first"):
        load_training_data(file, tmp_path / "data/dataset/frames")


def test_a_missing_frame_file_is_an_error_of_ours(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(FootageError):
        train(make_recipe(1), dataclasses.replace(data, frames_dir=tmp_path), ALONE, ignore)


def test_a_tiny_problem_is_learned(data: TrainingData) -> None:
    model, rows = train(make_recipe(12), data, ALONE, ignore)
    best = min(rows, key=lambda row: row.val_loss)
    assert best.val_auc > 0.95
    scores = score_clips(model, data.val, data.frames_dir, DEVICE, batch=5)
    right = (scores > 0.5) == (data.val["label"].to_numpy() == 1)
    assert right.mean() == pytest.approx(best.val_accuracy)


@pytest.mark.parametrize("n_frames", [16, 24, 32])
def test_clips_of_the_papers_lengths_train_score_and_export(
    data: TrainingData, tmp_path: Path, n_frames: int
) -> None:
    for file in data.frames_dir.iterdir():  # four times as long
        frames_FKW = np.fromfile(file, np.uint8).reshape(-1, SIZE * 3 // 2, SIZE)
        np.repeat(frames_FKW, 4, axis=0).tofile(tmp_path / file.name)
    data = dataclasses.replace(data, frames_dir=tmp_path)
    recipe = make_recipe(1)
    config = recipe.config.model_copy(update={"n_frames": n_frames})
    model, [row] = train(dataclasses.replace(recipe, config=config), data, ALONE, ignore)
    scores = score_clips(model, data.val, tmp_path, DEVICE)
    right = (scores > 0.5) == (data.val["label"].to_numpy() == 1)
    assert right.mean() == pytest.approx(row.val_accuracy)
    addresses = [clip_addresses(data.val.head(2))]
    [clips_BTKW] = read_batches(tmp_path, addresses, n_frames, config.step, config.frame_shape)
    assert clips_BTKW.shape == (2, n_frames, SIZE * 3 // 2, SIZE)
    assert export_onnx(model.cpu(), Examples(clips_BTKW), tmp_path / "model.onnx") < 1e-5


def test_best_weights_come_back_and_patience_ends_it(data: TrainingData) -> None:
    # With the labels of validation exchanged, every epoch learned makes its loss worse.
    data = dataclasses.replace(data, val=data.val.assign(label=1 - data.val["label"]))
    recipe = make_recipe(40, patience=2)
    model, rows = train(recipe, data, ALONE, ignore)
    best = min(rows, key=lambda row: row.val_loss)
    assert len(rows) == best.epoch + 2 < 40
    logits_N = clip_logits(model, data.val, data.frames_dir, DEVICE, batch=8)
    labels_N = torch.tensor(data.val["label"].to_numpy(), dtype=torch.float32)
    loss = focal_loss(logits_N, labels_N, recipe.learning.focal_gamma)
    assert float(loss) == best.val_loss


def test_scores_do_not_depend_on_the_batch(data: TrainingData) -> None:
    torch.manual_seed(0)
    model = build(make_recipe(1).config)
    one, many = (score_clips(model, data.val, data.frames_dir, DEVICE, n) for n in (1, 7))
    assert one.shape == (len(data.val),)
    np.testing.assert_allclose(one, many, atol=SCORES)
    assert score_clips(model, data.val[:0], data.frames_dir, DEVICE, 4).shape == (0,)


def test_a_loss_that_is_no_number_names_the_clips_of_its_step(data: TrainingData) -> None:
    recipe = make_recipe(3, optimizer=dataclasses.replace(ADAM, lr=1e37))
    order = epoch_order(data.train["label"].to_numpy(), recipe.seed, 1, recipe.learning.oversample)
    size = recipe.learning.batch_size
    clips = data.train.iloc[order[size : 2 * size]]  # the first to meet the weights of step 1
    names = ", ".join(f"{row.frames_file}@{row.start}" for row in clips.itertuples())
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) .*epoch 1, step 2 of 6") as it:
        train(recipe, data, ALONE, ignore)
    assert str(it.value).endswith(f": {names}")


def test_a_gradient_that_is_no_number_is_found_in_its_own_step(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def sour(logits_B: torch.Tensor, labels_B: torch.Tensor, gamma: float) -> torch.Tensor:
        steps.append(len(logits_B))
        # sqrt(0) is 0, its slope is not.
        bad = torch.sqrt(0 * logits_B.square().sum()) if len(steps) == 3 else 0
        return focal_loss(logits_B, labels_B, gamma) + bad

    monkeypatch.setattr("aislewatch.train.step.focal_loss", sour)
    with pytest.raises(TrainingError, match=r"norm nan in epoch 1, step 3 of 6"):
        train(make_recipe(1), data, ALONE, ignore)


def test_a_training_goes_on_from_another_network(data: TrainingData, tmp_path: Path) -> None:
    earlier, _ = train(make_recipe(2), data, ALONE, ignore)
    save_model(tmp_path / "earlier", earlier)
    model = build(make_recipe(1).config)
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    load_pretrained(model, tmp_path / "earlier")
    for name, value in model.state_dict().items():
        source = fresh if name.startswith(NOT_LOADED) else earlier.state_dict()
        assert torch.equal(value, source[name].cpu()), name
    recipe = make_recipe(1, start_from=tmp_path / "earlier")
    _, [went_on] = train(recipe, data, ALONE, ignore)
    _, [anew] = train(make_recipe(1), data, ALONE, ignore)
    assert went_on.train_loss < anew.train_loss


def test_what_a_training_cannot_go_on_from_is_told(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no trained network.*train\.start_from to none"):
        train(make_recipe(1, start_from=tmp_path / "none"), data, ALONE, ignore)
    other = make_recipe(1)
    wider = other.config.model.model_copy(update={"hidden_channels": 4})
    save_model(tmp_path / "other", build(other.config.model_copy(update={"model": wider})))
    with pytest.raises(ModelError, match="hidden_channels 4 there, 8 here"):
        train(make_recipe(1, start_from=tmp_path / "other"), data, ALONE, ignore)


def test_the_papers_network_never_goes_on_from_another(tmp_path: Path) -> None:
    params = params_of(train={"start_from": "shop", "optimizer": "paper"})
    assert recipe_of("convlstm", params, PAPER).start_from == places.PRETRAINED / "shop/convlstm"
    assert recipe_of("convlstm_paper", params, PAPER).start_from is None
