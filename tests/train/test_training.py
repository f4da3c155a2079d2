"""Training: what it optimises, what it shows when, and that it repeats itself to the bit."""

import dataclasses
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
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

from aislewatch.config.params import Params, parse_params
from aislewatch.errors import FootageError, ModelError, TableError, TrainingError
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.frames.batches import read_batches
from aislewatch.models.build import Detector, ModelConfig, build, load_model, save_model
from aislewatch.models.scoring import clip_addresses, clip_logits, score_clips, set_up_compute
from aislewatch.models.sizes import network_of
from aislewatch.register.export import export_onnx
from aislewatch.tables import places
from aislewatch.train.adam import PAPER_ADAM, Adam
from aislewatch.train.augment import draw_views
from aislewatch.train.checkpoint import Checkpoint, result_key
from aislewatch.train.data import TrainingData, epoch_order, load_training_data
from aislewatch.train.loop import Recipe, train
from aislewatch.train.losses import focal_loss
from aislewatch.train.processes import Processes
from aislewatch.train.profiling import TRACED_STEPS
from aislewatch.train.start import NOT_LOADED, load_pretrained
from aislewatch.train.step import Stepper
from aislewatch.train.validation import EpochRow, roc_auc
from stages import train as train_stage
from tests.tiny_clips import (
    N_FRAMES,
    SIZE,
    kill_at,
    run_stage_in,
    start_in,
    tiny_params,
    write_project,
    write_store,
)

# On a machine with a GPU, "cuda" runs these tests there.
DEVICE = torch.device(os.environ.get("AISLEWATCH_TEST_DEVICE", "cpu"))
ALONE = Processes(DEVICE)
# How far losses may move, relatively, when a batch is cut up and its sums are in another order: a
# GPU's convolutions round to TF32, 2^-11, by torch's default.
SUMS_GPU = 2e-2
SUMS = SUMS_GPU if DEVICE.type == "cuda" else 1e-4
# How far a score may move with the batch it is computed in; 1e-5 seen on an H200, as above.
SCORES = 1e-4 if DEVICE.type == "cuda" else 1e-6
ADAM = Adam(lr=0.005, beta1=0.9, beta2=0.99, eps=1e-7)


def params_of(**changes: dict[str, Any]) -> Params:
    return parse_params(tiny_params(**changes), "test")


def make_recipe(epochs: int, **changes: Any) -> Recipe:
    params = params_of()
    config = ModelConfig(
        architecture="convlstm",
        model=network_of(params.model),
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
    set_up_compute(params_of().machine)
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


# Adam


def test_torchs_adam_is_the_papers_equations_as_meant() -> None:
    random = np.random.default_rng(0)
    theta = random.normal(size=50)
    parameter = torch.nn.Parameter(torch.from_numpy(theta.copy()))
    settings_of_test = Adam(lr=0.01, beta1=0.9, beta2=0.99, eps=1e-3)
    optimizer = settings_of_test.over([parameter])
    lr, beta1, beta2, eps, _ = dataclasses.astuple(settings_of_test)
    m = v = np.zeros_like(theta)
    for t in range(1, 30):
        g = random.normal(size=50) * 10.0 ** random.integers(-4, 4)
        m = beta1 * m + (1 - beta1) * g  # eq. 6
        v = beta2 * v + (1 - beta2) * g**2  # eq. 7
        m_hat = m / (1 - beta1**t)  # eq. 8, with the power and the hat
        v_hat = v / (1 - beta2**t)  # eq. 9, with the power
        theta = theta - lr * m_hat / (eps + np.sqrt(v_hat))  # eq. 10, with the hat
        parameter.grad = torch.from_numpy(g)
        optimizer.step()
        np.testing.assert_allclose(parameter.detach().numpy(), theta, rtol=1e-12)


def test_the_papers_settings_are_its_section_3() -> None:
    assert Adam(lr=3e-4, beta1=0.9, beta2=0.999, eps=1e-7) == PAPER_ADAM


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
    with pytest.raises(TableError, match="run the split stage first"):
        load_training_data(file, tmp_path / "data/frames")


def test_a_missing_frame_file_is_an_error_of_ours(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(FootageError):
        train(make_recipe(1), dataclasses.replace(data, frames_dir=tmp_path), ALONE, ignore)


# Loop


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=30))
def test_auc_is_scikit_learns(clips: list[tuple[int, int]]) -> None:
    logits_N, labels_N = torch.tensor([*clips, (0, 0), (0, 1)], dtype=torch.float32).unbind(1)
    expected = roc_auc_score(labels_N.numpy(), logits_N.numpy())
    assert roc_auc(logits_N, labels_N) == pytest.approx(expected)


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
    [clips_BTKW] = read_batches(tmp_path, addresses, n_frames, config.step, SIZE)
    assert clips_BTKW.shape == (2, n_frames, SIZE * 3 // 2, SIZE)
    assert export_onnx(model.cpu(), clips_BTKW, tmp_path / "model.onnx") < 1e-5


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


def test_out_of_memory_halves_what_is_computed_at_once(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    straight, rows = train(make_recipe(2), data, ALONE, ignore)
    forward, seen = Detector.forward, []

    def full_at_three(model: Detector, yuv_BTKW: torch.Tensor, *rest: Any) -> torch.Tensor:
        if model.training:
            seen.append(len(yuv_BTKW))
        if model.training and len(yuv_BTKW) > room:
            raise torch.OutOfMemoryError("as on a GPU")
        return forward(model, yuv_BTKW, *rest)

    room = 3
    monkeypatch.setattr(Detector, "forward", full_at_three)
    model, rows_in_parts = train(make_recipe(2), data, ALONE, ignore)
    assert seen[:7] == [8, 4, 2, 2, 2, 2, 2]
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
        train(make_recipe(1), data, ALONE, ignore)


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
    assert (
        train_stage.recipe_of("convlstm", params).start_from == places.PRETRAINED / "shop/convlstm"
    )
    assert train_stage.recipe_of("convlstm_paper", params).start_from is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(TrainingError, match="torch sees no GPU"):
        set_up_compute(params_of(machine={"device": "cuda"}).machine)


# Checkpoints


def final_weights(model: torch.nn.Module) -> list[bytes]:
    return [tensor.cpu().contiguous().numpy().tobytes() for tensor in model.state_dict().values()]


def test_resumed_after_every_epoch_ends_the_same(data: TrainingData, tmp_path: Path) -> None:
    recipe = make_recipe(4)
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


def train_to_the_end(folder: Path, store: Path) -> None:
    """Train six epochs with a batch of one clip, 48 steps an epoch, saving at every look."""
    set_up_compute(params_of().machine)
    data = load_training_data(store / "data/splits.parquet", store / "data/frames")
    recipe = make_recipe(6, learning=params_of(learning={"batch_size": 1}).learning)
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


def test_killed_at_twenty_random_points_ends_the_same(data: TrainingData, tmp_path: Path) -> None:
    store = data.frames_dir.parents[1]
    train_to_the_end(tmp_path / "straight", store)
    generator_after = torch.get_rng_state()
    # A server that has all of torch loaded forks the children: a start costs little. CUDA forbids.
    context = multiprocessing.get_context("spawn" if DEVICE.type == "cuda" else "forkserver")
    multiprocessing.set_forkserver_preload(["tests.train.test_training", "torch._dynamo"])
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
    data = dataclasses.replace(data, frames_dir=tmp_path / "data/frames")
    keys = [result_key({"lr": lr}, data, DEVICE, {}) for lr in (1, 2)]
    fewer = dataclasses.replace(data, train=data.train[1:])
    keys.append(result_key({"lr": 1}, fewer, DEVICE, {}))
    assert keys[0] == result_key({"lr": 1}, data, DEVICE, {})
    (tmp_path / "data/frames/train0.yuv").write_bytes(b"shorter")
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
    deps: [data/frames, data/splits.parquet]
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
def test_several_processes_of_torchrun_learn_as_one(
    tmp_path: Path, device: str, count: int
) -> None:
    # Of an epoch's 48 clips the last step has two: a third process gets none.
    uneven = {"learning": {"batch_size": 23}, "machine": {"device": device}}
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
