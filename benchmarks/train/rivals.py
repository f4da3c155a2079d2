"""The optimizers that the paper names beside Adam, and the ranges each is tuned over."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from aislewatch.train.adam import Adam, OptimizerSettings

NAMES = ("Adam", "SGD", "RMSProp", "AdaGrad")


@dataclasses.dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with (heavy-ball) momentum."""

    lr: float
    momentum: float

    def over(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """torch's."""
        return torch.optim.SGD(parameters, lr=self.lr, momentum=self.momentum)


@dataclasses.dataclass(frozen=True)
class RMSProp:
    """Steps divided by a running root mean square of the gradient."""

    lr: float
    alpha: float
    eps: float

    def over(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """torch's."""
        return torch.optim.RMSprop(parameters, lr=self.lr, alpha=self.alpha, eps=self.eps)


@dataclasses.dataclass(frozen=True)
class AdaGrad:
    """Steps divided by the root of the sum of all squared gradients so far."""

    lr: float
    eps: float

    def over(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """torch's."""
        return torch.optim.Adagrad(parameters, lr=self.lr, eps=self.eps)


class Draw:
    """Settings drawn at random, on log scales; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def log(self, low: float, high: float) -> float:
        """Between two positive numbers."""
        return float(np.exp(self._random.uniform(np.log(low), np.log(high))))

    def settings(self, name: str) -> OptimizerSettings:
        """One trial of an optimizer: three decades of lr and two of eps, around what is common."""
        match name:
            case "Adam":
                return Adam(
                    self.log(1e-4, 1e-1),
                    1 - self.log(0.03, 0.3),
                    1 - self.log(5e-4, 0.05),
                    self.log(1e-8, 1e-6),
                )
            case "SGD":
                return SGD(self.log(1e-3, 1), 1 - self.log(0.03, 0.3))
            case "RMSProp":
                return RMSProp(self.log(1e-5, 1e-2), 1 - self.log(5e-3, 0.3), self.log(1e-8, 1e-6))
            case _:
                return AdaGrad(self.log(1e-4, 1e-1), self.log(1e-10, 1e-8))
