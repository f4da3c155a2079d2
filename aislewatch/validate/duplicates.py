"""Videos that show the same footage, and whether people gave it different labels."""

from collections.abc import Iterable
from itertools import combinations

import pandas as pd

from aislewatch.tables.validate import DUPLICATES
from aislewatch.validate.copies.find import Copy

# Seconds of shared motion from which two videos are copies however long they are: two hours that
# share a minute share it.
CERTAIN_S = 10.0


def pair_table(catalog: pd.DataFrame, found: Iterable[Copy], copy_share: float) -> pd.DataFrame:
    """Every two videos that share footage: byte-identical files, and files that share motion.

    Args:
        catalog: uses video, sha256 and duration_s.
        found: pairs that share motion; those of other videos are left out.
        copy_share: share of the moving frames from which two videos are copies.

    Returns:
        The columns of ``DUPLICATES``, a before b, sorted, each pair once. ``labels_conflict`` is
        false: what labels say of the shared part is for ``contradictions``.
    """
    ends = dict(zip(catalog["video"].tolist(), catalog["duration_s"].tolist(), strict=True))
    rows = {
        (copy.a, copy.b): (
            copy.share,
            copy.share >= copy_share or copy.matched_s >= CERTAIN_S,
            False,
            False,
            copy.start_a_s,
            min(copy.end_a_s, ends[copy.a]),
            copy.start_b_s,
            min(copy.end_b_s, ends[copy.b]),
            copy.speed,
            copy.mirrored,
        )
        for copy in found
        if copy.a in ends and copy.b in ends
    }
    for _, videos in catalog.groupby("sha256")["video"]:
        for a, b in combinations(sorted(videos), 2):
            end = ends[a]
            rows[a, b] = (1.0, True, True, False, 0.0, end, 0.0, end, 1.0, False)
    return DUPLICATES.frame((*pair, *row) for pair, row in sorted(rows.items()))
