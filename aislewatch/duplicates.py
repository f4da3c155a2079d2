"""Videos that show the same footage, and whether people gave them different labels."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import pandas as pd

from aislewatch.sources.problems import Problem, footage_problem

COLUMNS = {
    "a": "str",
    "b": "str",
    "share": "float64",
    "same_bytes": "bool",
    "labels_conflict": "bool",
}


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
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def read_pairs(path: Path) -> pd.DataFrame:
    """The table as it was written to a CSV; types are stated because it may be empty."""
    return pd.read_csv(path).astype(COLUMNS)


def contradictions(pairs: pd.DataFrame) -> list[Problem]:
    """A warning for every pair that stands under both labels."""
    found = pairs[pairs["labels_conflict"]]
    columns = (found[name].tolist() for name in ("a", "b", "share"))
    return [
        footage_problem(
            a,
            "contradiction",
            f"labelled otherwise than {b}, which shows the same ({share:.0%} of its moving frames)",
            "watch both and correct or remove the wrong one; they stay on one side of the split",
            "warning",
        )
        for a, b, share in zip(*columns, strict=True)
    ]
