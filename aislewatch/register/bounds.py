"""Gives a figure of both models with its interval, for people who read a verdict."""

from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.intervals import Resampled, interval


def both_bounds(
    name: str, challenger: Resampled, champion: Resampled, settings: Evaluate
) -> dict[str, float]:
    """Return a figure of challenger and champion and the bounds of its interval, by name.

    Args:
        name: of the figure, as ``auc``: names are ``gate.champion_auc``, ``..._low``, ``..._high``.
        challenger: its resamples.
        champion: its resamples, of the same footage.
        settings: ``confidence``.
    """
    numbers = {}
    for who, figure in (("challenger", challenger), ("champion", champion)):
        found = interval(figure, settings.confidence)
        numbers[f"gate.{who}_{name}"] = found.value
        numbers[f"gate.{who}_{name}_low"] = found.low
        numbers[f"gate.{who}_{name}_high"] = found.high
    return numbers
