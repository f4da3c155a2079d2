"""A network that sees the bag alone is told from one that sees the theft."""

import numpy as np

from research.bag import PARTS, table


def test_who_knows_the_bag_alone_knows_nothing_among_alike_bags() -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 2, 600)
    bag = (random.random(600) < 0.2 + 0.6 * label).astype(float)
    by_bag, by_theft = (table(label, bag, [score]) for score in (bag, label + 0.1 * bag))
    assert by_bag["all"] > 75
    assert by_bag["low"] == by_bag["high"] == 50
    assert [by_theft[part] for part in PARTS] == [100, 100, 100]
    assert by_bag["rank correlation with the bag"] == 100
