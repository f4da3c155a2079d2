"""The search, declared before it runs: every change tried by itself, and how they are combined.

For each outer fold, by its own inner validation alone: changes that help are ranked by their gain,
and the best two, three and five are tried together; the best of everything tried is chosen. The
changes of earlier runs that the product's training cannot make stand in docs/benchmarks.md.
"""

from collections.abc import Mapping
from typing import Any

from research.recipe import Recipe

# How many of the best changes are tried together.
TOGETHER = (2, 3, 5)

# In the order in which they run; none of them was chosen by a result on this footage.
CHANGES: dict[str, Mapping[str, Any]] = {
    "start": {},
    "no norm": {"norm": "none"},
    "group norm": {"norm": "group"},
    "mixup": {"mixup": 0.4},
    "16 frames": {"frames": 16, "step": 1},
    "30 frames": {"frames": 30, "step": 1},
    "twice the epochs": {"epochs": 120},
    "smaller crops": {"crop": 0.65},
    "as filmed": {"mirrors": False},
    "one speed": {"speed": 0.0},
    "weights as trained": {"average": 0.0},
    "constant rate": {"schedule": "constant"},
}

# Changes of what a network does not have: the LSTM no encoder, features no picture to crop.
WITHOUT_ENCODER = {"no norm", "group norm"}
WITHOUT_PICTURE = {*WITHOUT_ENCODER, "smaller crops"}


def singles(network: str, features: bool = False) -> dict[str, Recipe]:
    """Return every recipe with one change, by the change's name.

    Args:
        network: what is trained.
        features: the input is a detector's features, not pictures.
    """
    start = Recipe(network=network)
    skipped = WITHOUT_PICTURE if features else WITHOUT_ENCODER if network == "lstm" else set()
    return {name: start.but(**c) for name, c in CHANGES.items() if name not in skipped}


def combinations(network: str, scores: Mapping[str, float]) -> dict[str, Recipe]:
    """Return what to try next, given the inner validation scores of one outer fold.

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
