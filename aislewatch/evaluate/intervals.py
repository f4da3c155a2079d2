"""Computes BCa intervals of figures by resampling whole groups of recordings.

Clips of one video share a scene, a person and half their frames, and so do the files cut from one
recording, which the split keeps in one group. So groups are drawn with replacement, each with all
its videos; resampled clips or files would claim far too much. The intervals are Efron's BCa (1987),
whose tails are widened for the number of groups as Hesterberg (2015, section 5.3) does for
percentiles. `benchmarks/evaluate/intervals.py` simulates how often they hold the truth: 93 to 97 %
of the time from 30 groups on, where plain percentiles do 91 to 93 % (docs/benchmarks.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.metrics import METRICS, clip_metrics, video_scores
from aislewatch.evaluate.weighted import Array, weighted_metrics

# Below this many groups on test no interval is to be believed as it stands: see the simulation
# above.
ENOUGH_GROUPS = 30

# Weights held at once, resamples x clips: 4 million float64 are 32 MB, and about five such arrays
# live together.
WEIGHTS_AT_ONCE = 4_000_000

# Of every resampling and permutation. No knob: a verdict is not to be tried under seeds until it
# pleases, and what chance it leaves shrinks with ``evaluate.resamples``.
SEED = 0


@dataclass(frozen=True)
class Interval:
    """A figure with its interval; ``low`` and ``high`` are NaN where none can be given.

    ``undefined`` is the share of resamples without the figure (one class only, for example);
    the interval is over the others.
    """

    value: float
    low: float
    high: float
    undefined: float


@dataclass(frozen=True)
class Resampled:
    """One figure: as it is, over resamples of the groups (B,), and without each of them (G,)."""

    value: float
    draws: Array
    left_out: Array

    def __sub__(self, other: "Resampled") -> "Resampled":
        """Subtract another figure on the same videos, paired resample by resample."""
        return Resampled(
            self.value - other.value,
            self.draws - other.draws,
            self.left_out - other.left_out,
        )


def resampled_metrics(predictions: pd.DataFrame, settings: Evaluate) -> dict[str, Resampled]:
    """Compute every metric over resamples of the groups; by metric, NaN where it is undefined.

    Two models' predictions on the same videos get the same resamples, so that their difference
    is paired.

    Args:
        predictions: ``video``, ``group``, ``label``, ``score``; a row a clip.
        settings: ``resamples``.
    """
    videos = video_scores(predictions)
    clips_N = np.searchsorted(videos["video"].to_numpy(), predictions["video"].to_numpy())
    groups = predictions.groupby("video", sort=True)["group"].first()
    counts_BV = draw_groups(groups.tolist(), settings)
    at_once = max(1, WEIGHTS_AT_ONCE // len(predictions))
    parts = [
        weighted_metrics(predictions, some_BV[:, clips_N], videos, some_BV)
        for some_BV in np.split(counts_BV, range(at_once, len(counts_BV), at_once))
    ]
    values = clip_metrics(predictions)
    return {
        name: resampled(values[name], found_B, settings)
        for name, found_B in zip(METRICS, np.concatenate(parts, axis=1), strict=True)
    }


def draw_groups(groups: Sequence[str], settings: Evaluate) -> Array:
    """Draw how often each video counts: in every resample, then with each group left out once.

    Args:
        groups: of every video (V), in the videos' order.
        settings: ``resamples``.

    Returns:
        float64 (resamples + groups, videos); the same for the same groups.
    """
    if not groups:
        return np.zeros((settings.resamples, 0))
    names, group_V = np.unique(np.array(groups), return_inverse=True)
    generator = np.random.default_rng(SEED)
    shares_G = np.full(len(names), 1.0 / len(names))
    drawn_BG = generator.multinomial(len(names), shares_G, size=settings.resamples)
    counts_BG = np.concatenate([drawn_BG, 1 - np.eye(len(names))]).astype(np.float64)
    return counts_BG[:, group_V]


def resampled(value: float, found: Array, settings: Evaluate) -> Resampled:
    """Bring together a figure and what it is under each row of ``draw_groups``."""
    return Resampled(value, found[: settings.resamples], found[settings.resamples :])


def interval(figure: Resampled, confidence: float) -> Interval:
    """Give the BCa interval over the resamples that define the figure.

    None is given (NaN) for a single group, when the figure itself is undefined, or when more than
    ``1 - confidence`` of the resamples are: then not even the claimed share of them speaks.
    """
    draws_B = figure.draws[~np.isnan(figure.draws)]
    undefined = 1.0 - len(draws_B) / len(figure.draws)
    one_group = len(figure.left_out) < 2
    if math.isnan(figure.value) or one_group or undefined > 1.0 - confidence:
        return Interval(figure.value, math.nan, math.nan, undefined)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(draws_B, _levels(figure, draws_B, np.array([tail, 1.0 - tail])))
    return Interval(figure.value, float(low), float(high), undefined)


def _levels(figure: Resampled, draws_B: Array, tails_2: Array) -> Array:
    """Return the quantiles of the resamples that bound the interval (Efron 1987, eq. 2.3)."""
    n_groups = len(figure.left_out)
    widened_2 = stats.t.ppf(tails_2, n_groups - 1) * math.sqrt(n_groups / (n_groups - 1))
    below = (draws_B < figure.value).mean() + 0.5 * (draws_B == figure.value).mean()
    edge = 1.0 / (len(draws_B) + 1)
    bias = stats.norm.ppf(np.clip(below, edge, 1.0 - edge))
    shifted_2 = bias + widened_2
    levels_2: Array = stats.norm.cdf(bias + shifted_2 / (1.0 - _acceleration(figure) * shifted_2))
    return levels_2


def _acceleration(figure: Resampled) -> float:
    """Divide the jackknife's skewness by 6; 0 where it is constant or one group decides all."""
    pulls_G = np.nanmean(figure.left_out) - figure.left_out
    spread = float(np.nansum(pulls_G**2))
    if np.isnan(pulls_G).any() or spread == 0.0:
        return 0.0
    return float((pulls_G**3).sum() / (6.0 * spread**1.5))
