"""Falling learning rates, averaged weights, changed speeds and mixed clips do what they say."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from aislewatch.errors import FootageError
from aislewatch.frames.batches import read_batches
from aislewatch.models.build import build
from aislewatch.models.scoring import clip_addresses, clip_logits
from aislewatch.train.averaging import Average
from aislewatch.train.data import TrainingData, plan_epoch, training_batches
from aislewatch.train.loop import train, training_steps
from aislewatch.train.losses import focal_loss, mixed_focal_loss
from aislewatch.train.mixup import draw_shares, with_clip_before
from aislewatch.train.schedule import rate_factor
from aislewatch.train.speed import played, played_frames
from tests.tiny_clips import N_FRAMES, SIZE
from tests.train.small_training import ADAM, ALONE, DEVICE, ignore, make_recipe, params_of

# Learning rate


@settings(deadline=None)
@given(st.integers(1, 500), st.sampled_from([0.0, 0.05, 0.5]))
def test_a_cosine_rises_over_the_warm_up_and_falls_to_zero(steps: int, warmup: float) -> None:
    learning = params_of(learning={"schedule": "cosine", "warmup": warmup}).learning
    rates = np.array([rate_factor(learning, step, steps) for step in range(steps)])
    done = (np.arange(steps) + 0.5) / steps
    rising = done < warmup
    np.testing.assert_allclose(rates[rising], done[rising] / max(warmup, 1e-9))
    falling = (done[~rising] - warmup) / (1 - warmup)
    np.testing.assert_allclose(rates[~rising], (1 + np.cos(np.pi * falling)) / 2)


def test_a_constant_rate_is_the_optimizers_own() -> None:
    learning = params_of().learning
    assert [rate_factor(learning, step, 7) for step in range(7)] == [1.0] * 7
    warmed = learning.model_copy(update={"warmup": 0.5})
    assert [rate_factor(warmed, step, 4) for step in range(4)] == [0.25, 0.75, 1.0, 1.0]


def test_a_training_uses_the_rate_of_each_step(data: TrainingData) -> None:
    learning = params_of(learning={"schedule": "cosine", "warmup": 0.1}).learning
    rates = []

    @dataclasses.dataclass(frozen=True)
    class Watched:
        def over(self, parameters):  # type: ignore[no-untyped-def]
            optimizer = ADAM.over(parameters)
            optimizer.register_step_pre_hook(
                lambda own, *_: rates.append(own.param_groups[0]["lr"])
            )
            return optimizer

    train(make_recipe(3, learning=learning, optimizer=Watched()), data, ALONE, ignore)
    assert rates == [ADAM.lr * rate_factor(learning, step, 18) for step in range(18)]


# Averaged weights


def test_an_average_is_the_formula() -> None:
    model = build(make_recipe(1).config)
    average = Average(model, decay=0.6)
    expected = model.network.dense.weight.detach().double().clone()
    for step in range(8):
        with torch.no_grad():
            model.network.dense.weight.add_(step + 1.0)
        average.update(model, step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.network.dense.weight.detach().double()
    torch.testing.assert_close(
        average.model.network.dense.weight.double(), expected, rtol=1e-5, atol=1e-5
    )
    assert not average.model.training


def test_what_is_validated_and_kept_is_the_average(data: TrainingData) -> None:
    learning = params_of(learning={"average": 0.9}).learning
    model, rows = train(make_recipe(3, learning=learning), data, ALONE, ignore)
    _, as_trained = train(make_recipe(3), data, ALONE, ignore)
    assert [row.train_loss for row in rows] == [row.train_loss for row in as_trained]
    assert [row.val_loss for row in rows] != [row.val_loss for row in as_trained]
    logits_N = clip_logits(model, data.val, data.frames_dir, DEVICE, batch=8)
    labels_N = torch.tensor(data.val["label"].to_numpy(), dtype=torch.float32)
    loss = focal_loss(logits_N, labels_N, learning.focal_gamma)
    assert float(loss) == min(row.val_loss for row in rows)


# Speed


@settings(deadline=None)
@given(
    st.integers(0, 40),
    st.integers(2, 32),
    st.integers(1, 3),
    st.integers(1, 80),
    st.floats(0, 0.9),
    st.integers(0, 2**31),
)
def test_played_frames_lie_in_the_video_in_order(start, n_frames, step, n_stored, change, seed):  # type: ignore[no-untyped-def]
    config = make_recipe(1).config.model_copy(update={"n_frames": n_frames, "step": step})
    frames = played_frames(start, config, n_stored, change, (seed, 1, 0))
    assert len(frames) == n_frames
    assert list(frames) == sorted(frames)
    assert frames[0] >= 0
    assert frames[-1] < n_stored
    span = (n_frames - 1) * step
    length = frames[-1] - frames[0]
    assert length <= span * (1 + change) + 1
    if start + span < n_stored:
        assert length >= min(span * (1 - change), n_stored - 1) - 1
        assert frames[0] >= start - change * span - 1
        assert frames[-1] <= start + span + change * span + 1


def test_speeds_go_both_ways_and_depend_on_seed_epoch_and_position_alone() -> None:
    config = make_recipe(1).config.model_copy(update={"n_frames": 16})
    draws = [(seed, epoch, at) for seed in (0, 1) for epoch in (1, 2) for at in range(50)]
    drawn = [played_frames(40, config, 100, 0.2, draw) for draw in draws]
    assert drawn == [played_frames(40, config, 100, 0.2, draw) for draw in draws]
    lengths = np.array([frames[-1] - frames[0] for frames in drawn])
    assert lengths.min() <= 13
    assert lengths.max() >= 17
    assert lengths.mean() == pytest.approx(15, abs=0.5)
    assert len(set(drawn[:50])) > 20
    assert drawn[:50] != drawn[50:100] != drawn[100:150]


def test_a_training_reads_the_frames_of_the_speed(data: TrainingData) -> None:
    config = make_recipe(1).config
    learning = params_of(learning={"speed": 0.5}).learning
    order, positions_B = np.arange(len(data.train)), np.arange(6)
    frames_of = played(learning, config, data.frames_dir, 0, 1)
    [batch] = training_batches(data, config, order, [positions_B], frames_of=frames_of)
    changed = set()
    for position, clip_TKW in enumerate(batch.yuv):
        file, start = clip_addresses(data.train)[position]
        video = np.fromfile(data.frames_dir / file, np.uint8).reshape(-1, SIZE * 3 // 2, SIZE)
        frames = played_frames(start, config, len(video), 0.5, (0, 1, position))
        np.testing.assert_array_equal(clip_TKW, video[list(frames)])
        changed.add(frames != tuple(range(start, start + N_FRAMES)))
    assert True in changed
    gone = dataclasses.replace(data, frames_dir=data.frames_dir / "gone")
    frames_of = played(learning, config, gone.frames_dir, 0, 1)
    with pytest.raises(FootageError, match="is missing; run the ingest stage"):
        list(training_batches(gone, config, order, [positions_B], frames_of=frames_of))


# Mixed clips


def test_a_clip_is_mixed_with_the_one_before_it_and_learns_both_labels(data: TrainingData) -> None:
    plain = {"focal_gamma": 0.0, "crop": 1.0, "brightness": 0.0, "mixup": 0.4}
    recipe = make_recipe(1, learning=params_of(learning=plain).learning)
    network = recipe.config.model.model_copy(update={"dropout": 0.0})
    recipe = dataclasses.replace(recipe, config=recipe.config.model_copy(update={"model": network}))
    epoch = plan_epoch(data, recipe.learning, recipe.seed, 1)
    clips = data.train.iloc[epoch.order[epoch.batches[0]]]
    [yuv_BTKW] = read_batches(
        data.frames_dir, [clip_addresses(clips)], N_FRAMES, 1, recipe.config.frame_shape
    )
    torch.manual_seed(recipe.seed)
    model = build(recipe.config)
    x_BTCHW = model.input(torch.from_numpy(yuv_BTKW))
    labels_B = torch.tensor(clips["label"].to_numpy(), dtype=torch.float32)
    shares_B = draw_shares(0.4, recipe.seed, 1, epoch.batches[0])
    own = shares_B[:, None, None, None, None]
    logits_B = model.network(own * x_BTCHW + (1 - own) * x_BTCHW.roll(1, 0))
    soft_B = shares_B * labels_B + (1 - shares_B) * labels_B.roll(1, 0)
    expected = binary_cross_entropy_with_logits(logits_B, soft_B)
    loss, _ = next(training_steps(recipe, data, ALONE)).tolist()
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    assert ((shares_B >= 0.5) & (shares_B < 1)).all()
    assert len(set(shares_B.tolist())) == 8


def test_the_loss_of_mixed_clips_counts_both_labels_at_any_gamma() -> None:
    logits_B = torch.tensor([2.0, -1.0, 0.3])
    labels_B, before_B = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.0, 0.0, 1.0])
    shares_B = torch.tensor([0.9, 0.6, 0.5])
    expected = sum(
        share * focal_loss(logit[None], label[None], 2.0)
        + (1 - share) * focal_loss(logit[None], other[None], 2.0)
        for logit, label, other, share in zip(logits_B, labels_B, before_B, shares_B, strict=True)
    )
    found = mixed_focal_loss(logits_B, labels_B, before_B, shares_B, 2.0)
    torch.testing.assert_close(found, expected / 3)


def test_a_part_brings_along_the_clip_before_it() -> None:
    batch_B = np.arange(23, 33)
    parts = np.array_split(batch_B, 3)
    assert [with_clip_before(part, batch_B)[0] for part in parts] == [32, 26, 29]
    for part in parts:
        np.testing.assert_array_equal(with_clip_before(part, batch_B)[1:], part)
    assert len(with_clip_before(batch_B[:0], batch_B)) == 0


def test_shares_depend_on_seed_epoch_and_position_alone() -> None:
    together = draw_shares(0.4, 0, 1, np.arange(10))
    alone = [float(draw_shares(0.4, 0, 1, np.array([at]))) for at in range(10)]
    assert together.tolist() == alone
    assert not torch.equal(together, draw_shares(0.4, 0, 2, np.arange(10)))
