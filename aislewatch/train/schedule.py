"""Says how high the learning rate is at a step, from the step's number alone."""

import math

from aislewatch.config.learning import Learning


def rate_factor(learning: Learning, step: int, steps: int) -> float:
    """Return the share of the optimizer's learning rate that a step uses.

    It keeps no state, so a training that goes on from a checkpoint has the rate it would have had.
    The cosine is that of Loshchilov and Hutter 2017 (SGDR, eq. 5) without restarts, to zero.

    Args:
        learning: uses ``schedule`` and ``warmup``.
        step: number of the step, counted from 0 over the whole training.
        steps: steps that the training has if nothing stops it early, at least 1.
    """
    done = (step + 0.5) / steps
    if done < learning.warmup:
        return done / learning.warmup
    if learning.schedule == "constant":
        return 1.0
    falling = min(1.0, (done - learning.warmup) / (1 - learning.warmup))
    return 0.5 * (1 + math.cos(math.pi * falling))
