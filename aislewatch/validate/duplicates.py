"""Lists videos that show the same footage, and whether people gave it different labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

import pandas as pd

from aislewatch.frames.stretches import FrameTimes
from aislewatch.tables.validate import DUPLICATES
from aislewatch.validate.copies.find import Copy

# Seconds of shared motion from which two videos are copies however long they are: two hours that
# share a minute share it.
CERTAIN_S = 10.0


def pair_table(
    catalog: pd.DataFrame,
    found: Iterable[Copy],
    copy_share: float,
    times: Mapping[str, FrameTimes],
) -> pd.DataFrame:
    """List every two videos that share footage: byte-identical files, and those that share motion.

    Args:
        catalog: uses video, sha256 and end_s.
        found: pairs that share motion; those of other videos are left out. Their seconds are of
            the frames in the store, one after the other.
        copy_share: share of the moving frames from which two videos are copies.
        times: of the frames of each video of the catalog.

    Returns:
        The columns of ``DUPLICATES``, a before b, sorted, each pair once, with seconds of a
        player's clock. ``labels_conflict`` is false: what labels say of the shared part is for
        ``contradictions``.
    """
    ends = dict(zip(catalog["video"].tolist(), catalog["end_s"].tolist(), strict=True))
    known = [copy for copy in found if copy.a in ends and copy.b in ends]
    rows = {
        (copy.a, copy.b): (
            copy.share,
            copy.share >= copy_share or copy.matched_s >= CERTAIN_S,
            False,
            False,
            *_on_clock(copy.start_a_s, copy.end_a_s, times[copy.a], ends[copy.a]),
            *_on_clock(copy.start_b_s, copy.end_b_s, times[copy.b], ends[copy.b]),
            copy.speed,
            copy.mirrored,
        )
        for copy in _of_same_bytes(known, catalog)
    }
    for _, videos in catalog.groupby("sha256")["video"]:
        for a, b in combinations(sorted(videos), 2):
            end = ends[a]
            rows[a, b] = (1.0, True, True, False, 0.0, end, 0.0, end, 1.0, False)
    return DUPLICATES.frame((*pair, *row) for pair, row in sorted(rows.items()))


def _of_same_bytes(found: Sequence[Copy], catalog: pd.DataFrame) -> list[Copy]:
    """Add what follows for byte-identical files: a copy of one is a copy of each.

    A search among many that look alike keeps the nearest only, which may leave one of them out.
    """
    same = catalog.groupby("sha256")["video"].agg(list)
    by_video = {video: videos for videos in same for video in videos}
    copies = {(copy.a, copy.b): copy for copy in found}
    for copy in found:
        for a, b in product(by_video[copy.a], by_video[copy.b]):
            if a != b and (min(a, b), max(a, b)) not in copies:
                copies[min(a, b), max(a, b)] = _renamed(copy, a, b)
    return list(copies.values())


def _renamed(copy: Copy, a: str, b: str) -> Copy:
    if a < b:
        return replace(copy, a=a, b=b)
    return replace(
        copy,
        a=b,
        b=a,
        start_a_s=copy.start_b_s,
        end_a_s=copy.end_b_s,
        start_b_s=copy.start_a_s,
        end_b_s=copy.end_a_s,
        speed=round(1 / copy.speed, 2),
    )


def _on_clock(
    start_s: float, end_s: float, times: FrameTimes, video_s: float
) -> tuple[float, float]:
    """Turn seconds of the stored frames into those of a player, which goes on through gaps."""
    shown_s = times.shown_from(start_s * times.fps), times.shown_until(end_s * times.fps)
    return round(shown_s[0], 2), min(round(shown_s[1], 2), video_s)
