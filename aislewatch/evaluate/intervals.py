"""How sure a figure is: BCa intervals by resampling whole videos.

Clips of one video share a scene, a person and half their frames, so videos are drawn with
replacement, each with all its clips; resampled clips would claim far too much. The intervals are
Efron's BCa (1987), whose tails are widened for the number of videos as Hesterberg (2015, section
5.3) does for percentiles. `benchmarks/evaluate/intervals.py` simulates how often they hold the
truth: 93 to 97 % of the time from 30 videos on, where plain percentiles do 91 to 93 %
(docs/benchmarks.md).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.metrics import METRICS, clip_metrics, video_scores
from aislewatch.evaluate.weighted import Array, weighted_metrics

# Below this many test videos no interval is to be believed as it stands: see the simulation above.
ENOUGH_VIDEOS = 30

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
    """One figure: as it is, over resamples of the videos (B,), and without each of them (V,)."""

    value: float
    draws: Array
    left_out: Array

    def __sub__(self, other: "Resampled") -> "Resampled":
        """The difference of two figures on the same videos, paired resample by resample."""
        return Resampled(
            self.value - other.value,
            self.draws - other.draws,
            self.left_out - other.left_out,
        )


def resampled_metrics(predictions: pd.DataFrame, settings: Evaluate) -> dict[str, Resampled]:
    """Every metric over resamples of the videos; by metric, NaN where one is undefined.

    Two models' predictions on the same videos get the same resamples, so that their difference
    is paired.

    Args:
        predictions: ``video``, ``label``, ``score``; a row a clip.
        settings: ``resamples``.
    """
    videos = video_scores(predictions)
    clips_N = np.searchsorted(videos["video"].to_numpy(), predictions["video"].to_numpy())
    counts_BV = draw_videos(len(videos), settings)
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


def draw_videos(n_videos: int, settings: Evaluate) -> Array:
    """How often each video counts: in every resample, then with each video left out once.

    Returns:
        float64 (resamples + videos, videos); the same for the same number of videos.
    """
    generator = np.random.default_rng(SEED)
    shares_V = np.full(n_videos, 1.0 / n_videos)
    drawn_BV = generator.multinomial(n_videos, shares_V, size=settings.resamples)
    return np.concatenate([drawn_BV, 1 - np.eye(n_videos)]).astype(np.float64)


def resampled(value: float, found: Array, settings: Evaluate) -> Resampled:
    """A figure and what it is under each row of ``draw_videos``."""
    return Resampled(value, found[: settings.resamples], found[settings.resamples :])


def interval(figure: Resampled, confidence: float) -> Interval:
    """BCa interval over the resamples that define the figure.

    None is given (NaN) for a single video, when the figure itself is undefined, or when more than
    ``1 - confidence`` of the resamples are: then not even the claimed share of them speaks.
    """
    draws_B = figure.draws[~np.isnan(figure.draws)]
    undefined = 1.0 - len(draws_B) / len(figure.draws)
    one_video = len(figure.left_out) < 2
    if math.isnan(figure.value) or one_video or undefined > 1.0 - confidence:
        return Interval(figure.value, math.nan, math.nan, undefined)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(draws_B, _levels(figure, draws_B, np.array([tail, 1.0 - tail])))
    return Interval(figure.value, float(low), float(high), undefined)


def _levels(figure: Resampled, draws_B: Array, tails_2: Array) -> Array:
    """The quantiles of the resamples that bound the interval (Efron 1987, eq. 2.3)."""
    n_videos = len(figure.left_out)
    widened_2 = stats.t.ppf(tails_2, n_videos - 1) * math.sqrt(n_videos / (n_videos - 1))
    below = (draws_B < figure.value).mean() + 0.5 * (draws_B == figure.value).mean()
    edge = 1.0 / (len(draws_B) + 1)
    bias = stats.norm.ppf(np.clip(below, edge, 1.0 - edge))
    shifted_2 = bias + widened_2
    levels_2: Array = stats.norm.cdf(bias + shifted_2 / (1.0 - _acceleration(figure) * shifted_2))
    return levels_2


def _acceleration(figure: Resampled) -> float:
    """Skewness of the jackknife over 6; 0 where it is constant or a lone video decides all."""
    pulls_V = np.nanmean(figure.left_out) - figure.left_out
    spread = float(np.nansum(pulls_V**2))
    if np.isnan(pulls_V).any() or spread == 0.0:
        return 0.0
    return float((pulls_V**3).sum() / (6.0 * spread**1.5))
