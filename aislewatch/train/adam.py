"""States the paper's optimizer, by torch, and what its printed equations mean."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn


class OptimizerSettings(Protocol):
    """What a training needs to know of an optimizer."""

    def over(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Make the optimizer, with fresh state, over these parameters."""
        ...


@dataclass(frozen=True)
class Adam:
    """Settings of Adam (Kingma and Ba 2015); the paper's eqs. 6-10, for a gradient g_t:

    * eq. 6: m_t = β1 m_(t-1) + (1 - β1) g_t;
    * eq. 7: v_t = β2 v_(t-1) + (1 - β2) g_t²; the print has g2_t, the square as a digit;
    * eq. 8: m̂_t = m_t / (1 - β1^t); the print lost the hat and has (1 - β1)_t for the power;
    * eq. 9: v̂_t = v_t / (1 - β2^t); the print has (1 - β2)_t;
    * eq. 10: θ_t = θ_(t-1) - lr m̂_t / (ε + √v̂_t); the print has √v_t without the hat.

    Weight decay, which the paper has none of, is decoupled (Loshchilov and Hutter 2019, AdamW):
    θ also shrinks by lr · weight_decay · θ_(t-1). Added to the gradient instead (L2), it would be
    divided by √v̂_t, so that its strength would depend on β2, ε and the gradient's size, and a
    study would have to search it anew for each of them. At 0 the formula above is all there is.

    As printed, 8 and 9 would be division by a constant (or, read as a product with t, a decaying
    step): neither is Adam. torch computes what is written here, which a test proves.
    """

    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float = 0.0

    def over(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
        """Make torch's Adam over ``parameters``."""
        return torch.optim.Adam(
            parameters,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=True,
        )


# "Optimization with Adam" in the paper's sections 3 and 4.
PAPER_ADAM = Adam(lr=3e-4, beta1=0.9, beta2=0.999, eps=1e-7)
