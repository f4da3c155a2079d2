"""What training optimises, and what it shows when: loss, Adam, order of clips, views."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from aislewatch.train.adam import PAPER_ADAM, Adam
from aislewatch.train.augment import draw_views
from aislewatch.train.data import epoch_order
from aislewatch.train.losses import focal_loss
from aislewatch.train.validation import roc_auc
from stages import train as train_stage
from tests.tiny_clips import (
    run_stage_in,
    write_project,
)
from tests.train.small_training import params_of

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


@settings(deadline=None)
@given(LABELS, st.booleans(), st.integers(1, 60))
def test_an_epoch_shows_at_most_so_many_clips(
    labels: list[int], oversample: bool, at_most: int
) -> None:
    """Of both classes alike where they are drawn alike, and other clips in the next epoch."""
    array = np.array(labels)
    order = epoch_order(array, 0, 1, oversample, at_most)
    assert len(order) - min(at_most, len(labels)) in ((0, 1) if oversample else (0,))
    if oversample:
        assert (array[order] == 0).sum() == (array[order] == 1).sum()
    else:
        assert len(set(order.tolist())) == len(order)
    whole = epoch_order(array, 0, 1, oversample)
    assert np.array_equal(epoch_order(array, 0, 1, oversample, len(labels)), whole)


def test_a_short_epoch_shows_other_clips_than_the_last_one() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    shown = [set(epoch_order(labels, 0, epoch, True, 20).tolist()) for epoch in range(1, 21)]
    assert len(set.union(*shown)) > 80


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


# Loop


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=30))
def test_auc_is_scikit_learns(clips: list[tuple[int, int]]) -> None:
    logits_N, labels_N = torch.tensor([*clips, (0, 0), (0, 1)], dtype=torch.float32).unbind(1)
    expected = roc_auc_score(labels_N.numpy(), logits_N.numpy())
    assert roc_auc(logits_N, labels_N) == pytest.approx(expected)


def test_the_papers_row_is_rgb_with_the_papers_adam(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", train={"epochs": 1, "optimizer": "tuned"})
    run_stage_in(project, train_stage, "convlstm_paper")
    config = json.loads((project / "models/convlstm_paper/config.json").read_text())
    assert (config["architecture"], config["model"]["input"]) == ("convlstm", "rgb")
    journal = (project / "runs/train@convlstm_paper.0.jsonl").read_text()
    assert '"optimizer.lr": 0.0003' in journal
    (project / "data/training.json").unlink()
    with pytest.raises(SystemExit, match=r"training\.json is missing or corrupt.*dvc repro tune"):
        run_stage_in(project, train_stage, "cnn")
