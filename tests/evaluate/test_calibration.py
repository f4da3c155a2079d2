"""Temperature and calibration figures: against a known truth, and what must never change."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.calibration import calibration_curve

from aislewatch.evaluate.calibration import measure_calibration
from aislewatch.score.calibration import BINS, reliability, uncalibrated
from aislewatch.train.calibrate import fit_temperature


def draws(temperature: float, count: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are ``temperature`` times what they should be, and labels by the true chance."""
    rng = np.random.default_rng(0)
    honest = rng.normal(0.0, 2.0, count)
    labels = rng.random(count) < expit(honest)
    return torch.from_numpy(honest * temperature), torch.from_numpy(labels.astype(np.int64))


@pytest.mark.parametrize("temperature", [0.2, 1.0, 4.0])
def test_the_temperature_of_timid_and_bold_scores_is_found(temperature: float) -> None:
    logits, labels = draws(temperature)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    before = measure_calibration(labels.numpy(), expit(logits.numpy()))
    after = measure_calibration(labels.numpy(), expit(logits.numpy() / found))
    assert after.ece < 0.015
    assert after.brier <= before.brier + 1e-4  # the log loss is what is least


def test_one_class_has_no_temperature() -> None:
    assert fit_temperature(torch.ones(5), torch.ones(5, dtype=torch.int64)) == 1.0


@given(
    st.lists(st.tuples(st.floats(-8, 8), st.integers(0, 1)), min_size=2, max_size=50),
    st.floats(0.05, 20),
)
def test_no_score_crosses_a_half_and_all_can_be_undone(
    rows: list[tuple[float, int]], temperature: float
) -> None:
    logits, labels = (np.array(column) for column in zip(*rows, strict=True))
    found = fit_temperature(torch.from_numpy(logits), torch.from_numpy(labels.astype(np.int64)))
    assert math.exp(-3) <= found <= math.exp(3)
    assert np.array_equal(expit(logits / found) >= 0.5, expit(logits) >= 0.5)
    scores = expit(logits / temperature)
    inside = (scores > 1e-6) & (scores < 1 - 1e-6)
    assert uncalibrated(scores, temperature)[inside] == pytest.approx(
        expit(logits)[inside], abs=1e-6
    )


def test_reliability_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    scores = rng.random(500)
    labels = (rng.random(500) < scores).astype(np.int64)
    found = reliability(labels, scores)
    share, score = calibration_curve(labels, scores, n_bins=BINS)
    assert found.share == pytest.approx(share)
    assert found.score == pytest.approx(score)
    assert found.clips.sum() == 500
    worst = measure_calibration(np.ones(4, np.int64), np.zeros(4))
    assert (worst.brier, worst.ece) == (1.0, 1.0)
    assert math.isnan(measure_calibration(np.empty(0, np.int64), np.empty(0)).ece)
