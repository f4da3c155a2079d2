"""Averages a network's weights over the steps of its training (Polyak and Juditsky 1992)."""

import copy

import torch

from aislewatch.models.build import Detector


class Average:
    """Holds a copy of a network whose weights are an exponential average of the trained ones.

    Args:
        model: with the weights that the average begins with; stays as it is.
        decay: share of the average that a step keeps, from 0 up to 1.
    """

    def __init__(self, model: Detector, decay: float) -> None:
        self.model = copy.deepcopy(model).eval()
        self._decay = decay

    def update(self, model: Detector, step: int) -> None:
        """Take in the weights after a step, counted from 0; waits for no device.

        The first steps keep less than ``decay``, as TensorFlow's ExponentialMovingAverage does with
        ``num_updates``: an average of few steps would be made of the weights it began with.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        own, trained = self.model.state_dict(), model.state_dict()
        names = [name for name, value in own.items() if value.is_floating_point()]
        with torch.no_grad():
            torch._foreach_lerp_(
                [own[name] for name in names], [trained[name] for name in names], 1 - decay
            )
