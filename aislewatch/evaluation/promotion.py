"""The gate between challenger and champion: both scored today, on the same test clips."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aislewatch.config import Evaluate
from aislewatch.evaluation.intervals import interval, resampled_metrics
from aislewatch.evaluation.metrics import clip_metrics


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger becomes champion, the reason in words, and the numbers behind it."""

    promote: bool
    reason: str
    numbers: dict[str, float]


def first_champion() -> Verdict:
    """Nothing to compare with: the first model is the champion."""
    return Verdict(True, "there was no champion", {})


def already_champion() -> Verdict:
    """The very same bytes are champion already."""
    return Verdict(True, "these very weights are the champion already", {})


def not_comparable(difference: str) -> Verdict:
    """The champion cannot read today's clips, so no number says which is better."""
    return Verdict(
        False,
        f"the champion cannot be scored on today's clips ({difference}); "
        "set the alias by hand if the challenger shall replace it",
        {},
    )


def compare(
    challenger: pd.DataFrame, champion: pd.DataFrame, margin: float, settings: Evaluate
) -> Verdict:
    """Promote the challenger unless its test AUC is worse than the champion's by over ``margin``.

    Args:
        challenger: ``video``, ``label``, ``score``; a row a test clip.
        champion: the same clips, scored today by the champion.
        margin: AUC the challenger may lack.
        settings: resamples, confidence and seed of the paired interval, by video.

    Returns:
        The verdict; its numbers hold both AUCs, their difference and its interval.
    """
    ours, theirs = clip_metrics(challenger)["auc"], clip_metrics(champion)["auc"]
    draws = (
        resampled_metrics(challenger, settings)["auc"]
        - resampled_metrics(champion, settings)["auc"]
    )
    spread = interval(ours - theirs, draws, settings.confidence)
    numbers = {
        "gate.challenger_auc": ours,
        "gate.champion_auc": theirs,
        "gate.auc_difference": ours - theirs,
        "gate.auc_difference_low": spread.low,
        "gate.auc_difference_high": spread.high,
    }
    said = (
        f"test AUC {ours:.3f} against the champion's {theirs:.3f} "
        f"(difference {ours - theirs:+.3f}, {settings.confidence:.0%} interval by video "
        f"{spread.low:+.3f} to {spread.high:+.3f}; margin {margin:.3f})"
    )
    if np.isnan(ours - theirs):
        return Verdict(False, f"the test split holds one class only: {said}", numbers)
    return Verdict(bool(ours >= theirs - margin), said, numbers)
