"""The search, declared before it ran: every change tried by itself, and how they are combined.

For each outer fold, by its own inner validation alone: changes that help are ranked by their gain,
and the best two, three and five are tried together; the best of everything tried is chosen.
"""

from collections.abc import Mapping
from typing import Any

from research.recipe import Recipe

# How many of the best changes are tried together.
TOGETHER = (2, 3, 5)

# In the order in which they run; none of them was chosen by a result on this footage. Fourteen more
# were declared, and left out before any result was seen, for want of GPU time: see the history.
CHANGES: dict[str, Mapping[str, Any]] = {
    "start": {},
    "both inputs": {"input": "both"},
    "background": {"input": "background"},
    "grey differences": {"input": "luma"},
    "zoom on motion": {"zoom": 0.6},
    "maximum over the picture": {"pool": "max"},
    "mean over the picture": {"pool": "mean"},
    "no batch norm": {"norm": False},
    "mixup": {"mixup": 0.4},
    "erased boxes": {"erase": 0.5},
    "shop first": {"before": "shop"},
    "30 frames": {"frames": 30, "step": 1},
    "twice the epochs": {"epochs": 120},
    "smaller crops": {"crop": 0.65},
}

# Changes that a network without the part cannot try.
INAPPLICABLE = {
    "lstm": {"maximum over the picture", "mean over the picture", "no batch norm"},
}


def singles(network: str) -> dict[str, Recipe]:
    """Every recipe with one change, by the change's name."""
    start = Recipe(network=network)
    skipped = INAPPLICABLE.get(network, set())
    return {name: start.but(**c) for name, c in CHANGES.items() if name not in skipped}


def combinations(network: str, scores: Mapping[str, float]) -> dict[str, Recipe]:
    """What to try next, given the inner validation scores of one outer fold.

    A change whose key a better one has set already is left out.
    """
    gains = {name: scores[name] - scores["start"] for name in scores if name in CHANGES}
    ranked = sorted((name for name in gains if gains[name] > 0), key=lambda name: -gains[name])
    names: list[str] = []
    merged: dict[str, Any] = {}
    found: dict[str, Recipe] = {}
    for name in ranked:
        if merged.keys() & CHANGES[name].keys():
            continue
        merged |= CHANGES[name]
        names.append(name)
        if len(names) in TOGETHER:
            found[" + ".join(sorted(names))] = Recipe(network=network).but(**merged)
    return found
