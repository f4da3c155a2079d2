"""Computes the loss of training."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def focal_loss(logits_B: Tensor, labels_B: Tensor, gamma: float) -> Tensor:
    """Average the focal loss, -(1 - p_t)^γ log p_t (Lin et al. 2017, eq. 4); γ = 0: cross-entropy.

    p_t is the probability given to the true class. Their α (eq. 5), which weighs the classes, is
    left out: oversampling already shows both equally often.

    Args:
        logits_B: (B,), before the sigmoid.
        labels_B: (B,), 0 or 1, of the same dtype.
        gamma: at least 0; how strongly easy clips are discounted.
    """
    return focal_losses(logits_B, labels_B, gamma).mean()


def mixed_focal_loss(
    logits_B: Tensor, labels_B: Tensor, before_B: Tensor, shares_B: Tensor, gamma: float
) -> Tensor:
    """Average the focal loss of mixed clips: each of a clip's two labels counts by its share.

    Args:
        logits_B: (B,), of the mixtures.
        labels_B: (B,), of each clip.
        before_B: (B,), of the clip before it, with which it is mixed.
        shares_B: (B,), of each clip in its mixture.
        gamma: as in ``focal_loss``.
    """
    own_B = shares_B * focal_losses(logits_B, labels_B, gamma)
    return (own_B + (1 - shares_B) * focal_losses(logits_B, before_B, gamma)).mean()


def focal_losses(logits_B: Tensor, labels_B: Tensor, gamma: float) -> Tensor:
    """Compute the focal loss (B,) of each clip; see ``focal_loss``."""
    toward_truth_B = logits_B * (2 * labels_B - 1)
    # In logarithms, so that neither 1 - p_t nor its gradient is lost to rounding at p_t = 1.
    discount_B = torch.exp(gamma * logsigmoid(-toward_truth_B))
    return -(discount_B * logsigmoid(toward_truth_B))
