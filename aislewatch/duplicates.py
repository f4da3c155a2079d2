"""Videos that show the same footage, and whether people gave them different labels."""

from collections.abc import Iterable, Mapping
from itertools import combinations

import pandas as pd

from aislewatch.sources.problems import Problem, footage_problem

COLUMNS = ["a", "b", "share", "same_bytes", "labels_conflict"]


def pair_table(
    catalog: pd.DataFrame,
    near: Iterable[tuple[str, str, float]],
    labels: Mapping[str, str],
) -> pd.DataFrame:
    """Every pair of copies: byte-identical files, and files that share frames.

    Args:
        catalog: uses video and sha256.
        near: pairs with the share of moving frames in common, 0 to 1, in any order.
        labels: a label a video.

    Returns:
        a, b (a < b), share, same_bytes, labels_conflict (one is shoplifting, the other normal);
        sorted by a and b, each pair once.
    """
    shares = {(min(a, b), max(a, b)): round(float(share), 4) for a, b, share in near if a != b}
    same = {
        pair
        for _, videos in catalog.groupby("sha256")["video"]
        for pair in combinations(sorted(videos), 2)
    }
    shares |= dict.fromkeys(same, 1.0)
    rows = [
        (a, b, share, (a, b) in same, {labels.get(a), labels.get(b)} == {"shoplifting", "normal"})
        for (a, b), share in sorted(shares.items())
    ]
    types = {"a": "str", "b": "str", "share": "float64", "same_bytes": "bool"}
    return pd.DataFrame(rows, columns=COLUMNS).astype({**types, "labels_conflict": "bool"})


def contradictions(pairs: pd.DataFrame) -> list[Problem]:
    """A warning for every pair that stands under both labels."""
    return [
        footage_problem(
            pair.a,
            "contradiction",
            f"labelled otherwise than {pair.b}, which holds {pair.share:.0%} of the same frames",
            "watch both and correct or remove the wrong one; they stay on one side of the split",
            "warning",
        )
        for pair in pairs[pairs["labels_conflict"]].itertuples(index=False)
    ]
