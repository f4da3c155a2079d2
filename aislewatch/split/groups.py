"""Groups videos that must stay on one side of the split, and finds new ones that tie two sides.

Two videos are tied when they are cut from one recording, when their bytes are equal, when one is a
copy of the other, or when they share a value of a column that the user named. Groups are what ties
connect, directly or not.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd
from scipy.cluster.hierarchy import DisjointSet

from aislewatch.errors import SplitError
from aislewatch.split.assignment import SIDES
from aislewatch.split.memory import FixedSides
from aislewatch.tables import places
from aislewatch.tables.split import BRIDGES

CAUSES = ["recording", "same_bytes", "copy"]

# Cases quoted in an error message.
QUOTED = 10

# How a tie is told to people; any other cause is a column of theirs.
WORDS = {"recording": "same recording as", "same_bytes": "same bytes as", "copy": "copy of"}


def recording_of(video: str, source: str, recording: str, suffix: str) -> str:
    """Return the recording a video was cut from.

    Args:
        video: path relative to ``data/raw``; folders below the source do not matter, so that the
            normal and the shoplifting part of one take stay together.
        source: the video's source.
        recording: its name where labels or ``videos.csv`` state it, whatever the source; else
            empty.
        suffix: regular expression of what tells parts of one recording apart
            (``split.recording_suffix``), removed from the file's stem where no name is stated.
    """
    return recording or f"{source}/{re.sub(suffix, '', PurePosixPath(video).stem)}"


def find_ties(
    videos: pd.DataFrame, duplicates: pd.DataFrame, suffix: str, keep_together: Sequence[str]
) -> pd.DataFrame:
    """List what a video shares with others: video, cause, key; at least two share each key.

    Args:
        videos: uses video, source, recording, sha256 and the columns to keep together, in which an
            empty value says nothing and ties nothing.
        duplicates: pairs a, b, is_copy, same_bytes, as validation wrote them.
        suffix: see ``recording_of``.
        keep_together: columns of ``videos``.

    Raises:
        SplitError: there is no such column.
    """
    names = videos["video"].tolist()
    told = (names, videos["source"], videos["recording"])
    recordings = [recording_of(*row, suffix) for row in zip(*told, strict=True)]
    # Equal bytes are looked up here by themselves; as copies they would count as a second cause.
    copies = duplicates[duplicates["is_copy"] & ~duplicates["same_bytes"]]
    pairs = [f"{a} {b}" for a, b in zip(copies["a"], copies["b"], strict=True)]
    parts = [
        pd.DataFrame({"video": names, "cause": "recording", "key": recordings}),
        pd.DataFrame({"video": names, "cause": "same_bytes", "key": videos["sha256"].tolist()}),
        *(
            pd.DataFrame({"video": copies[end].tolist(), "cause": "copy", "key": pairs})
            for end in ("a", "b")
        ),
        *(_column_ties(videos, column) for column in keep_together),
    ]
    ties = pd.concat(parts, ignore_index=True)
    ties = ties[ties["video"].isin(set(names))].drop_duplicates()
    shared = ties.groupby(["cause", "key"])["video"].transform("size") > 1
    return ties[shared].sort_values(["video", "cause", "key"], ignore_index=True)


def _column_ties(videos: pd.DataFrame, column: str) -> pd.DataFrame:
    if column not in videos:
        there = ", ".join(name for name in videos.columns if name != "video")
        raise SplitError(
            f"split.keep_together names {column!r}, which is no column of {places.VIDEOS} "
            f"({there}); correct it, or add the column to a videos.csv"
        )
    filled = videos[videos[column].notna() & (videos[column].astype(str) != "")]
    return pd.DataFrame(
        {"video": filled["video"], "cause": column, "key": filled[column].astype(str)}
    )


@dataclass(frozen=True)
class Grouping:
    """Holds groups of videos, named after the first by name, so that names stay as data grows.

    Args:
        groups: the group of every video that takes part.
        sides: the sides on which a group may lie, for every group.
        official: the same by the data sets' authors alone, whatever is remembered.
        causes: what ties each group of several videos together, sorted.
        left_out: new videos that would tie two sides, sorted.
    """

    groups: dict[str, str]
    sides: dict[str, frozenset[str]]
    official: dict[str, frozenset[str]]
    causes: dict[str, list[str]]
    left_out: list[str]

    def count_causes(self, used: Collection[str]) -> dict[str, int]:
        """Count how many of the ``used`` groups were made by which cause.

        ``single_video`` groups needed none; ``several`` are held together by more than one.
        """
        causes = {group: self.causes[group] for group in used if group in self.causes}
        counted = Counter("several" if len(c) > 1 else c[0] for c in causes.values())
        own = sorted(set(counted) - {*CAUSES, "several"})
        single = len(used) - len(causes)
        return {"single_video": single, **{c: counted[c] for c in [*CAUSES, *own, "several"]}}


def group_videos(fixed: Mapping[str, FixedSides], ties: pd.DataFrame) -> Grouping:
    """Join tied videos; leave out those that fit on no side.

    Videos join in the order of their rank, then by name. One whose ties and fixed sides leave it no
    side is left out, and ties nothing.

    Args:
        fixed: of every video, as ``fixed_sides`` returned it.
        ties: as ``find_ties`` returned them.

    Raises:
        SplitError: videos that data/assignments.csv has on two sides belong together.
    """
    keys: dict[str, list[tuple[str, str]]] = {video: [] for video in fixed}
    for video, cause, key in ties[["video", "cause", "key"]].itertuples(index=False):
        keys[video].append((cause, key))
    sets = DisjointSet([*fixed, *(key for own in keys.values() for key in own)])
    everywhere = frozenset(SIDES)
    open_sides: dict[object, frozenset[str]] = {}
    left_out = []
    for video in sorted(fixed, key=lambda name: (fixed[name].rank, name)):
        met = (open_sides.get(sets[key], everywhere) for key in keys[video])
        common = fixed[video].sides.intersection(*met)
        if not common:
            left_out.append(video)
            continue
        for key in keys[video]:
            sets.merge(video, key)
        open_sides[sets[video]] = common
    _refuse_contradicted_memory(left_out, fixed, ties)
    names: dict[object, str] = {}
    members = sorted(set(fixed) - set(left_out))
    groups = {video: names.setdefault(sets[video], video) for video in members}
    official = dict.fromkeys(names.values(), everywhere)
    for video, group in groups.items():
        official[group] &= fixed[video].official
    return Grouping(
        groups=groups,
        sides={group: open_sides[root] for root, group in names.items()},
        official=official,
        causes=_causes(groups, ties),
        left_out=sorted(left_out),
    )


def _causes(groups: Mapping[str, str], ties: pd.DataFrame) -> dict[str, list[str]]:
    kept = ties.assign(group=ties["video"].map(groups)).dropna(subset="group")
    kept = kept[kept.groupby(["cause", "key"])["video"].transform("size") > 1]
    return {str(g): sorted(set(causes)) for g, causes in kept.groupby("group")["cause"]}


def _refuse_contradicted_memory(
    left_out: Sequence[str], fixed: Mapping[str, FixedSides], ties: pd.DataFrame
) -> None:
    old = {video: c.remembered for video, c in fixed.items() if c.remembered}
    torn = [video for video in left_out if video in old]
    if torn:
        neighbours = explain(torn, ties, {v: s for v, s in old.items() if v not in torn})
        lines = [f"  {video} ({old[video]}): {neighbours[video]}" for video in torn]
        raise SplitError(
            f"{len(torn)} video(s) in {places.ASSIGNMENTS} belong together with videos of another "
            "side:\n" + "\n".join(lines[:QUOTED]) + f"\nRemove from {places.ASSIGNMENTS} the rows "
            "of those that may move, or take what ties them back (split.keep_together, "
            "split.recording_suffix, validate.duplicate_share, videos.csv)"
        )


def explain(
    left_out: Sequence[str], ties: pd.DataFrame, sides: Mapping[str, str]
) -> dict[str, str]:
    """Say for every video left out which first video of each side it is tied to.

    Args:
        left_out: the videos.
        ties: as ``find_ties`` returned them.
        sides: the side of every other video that has one.
    """
    others = ties.assign(side=ties["video"].map(sides)).dropna(subset="side")
    others = others.sort_values("video").drop_duplicates(["cause", "key", "side"])
    pairs = ties[ties["video"].isin(set(left_out))].merge(others, on=["cause", "key"])
    pairs = pairs.sort_values(["video_x", "video_y", "cause"])
    words: dict[str, list[str]] = {video: [] for video in left_out}
    first = pairs.drop_duplicates(["video_x", "side"]).sort_values(["video_x", "side"])
    columns = (first[name].tolist() for name in ("video_x", "cause", "video_y", "side"))
    for video, cause, other, side in zip(*columns, strict=True):
        words[video].append(f"{WORDS.get(cause, f'same {cause} as')} {other} ({side})")
    return {video: "; ".join(found) for video, found in words.items()}


def bridge_table(
    grouping: Grouping,
    fixed: Mapping[str, FixedSides],
    ties: pd.DataFrame,
    splits: pd.DataFrame,
) -> pd.DataFrame:
    """List the videos left out: video, the sides it would tie, and because of what.

    Told by the finished split, not by what was settled before, so that accepting it changes
    nothing here.

    Args:
        grouping: of all videos.
        fixed: of every video, as ``fixed_sides`` returned it.
        ties: as ``find_ties`` returned them.
        splits: clips with group and split.
    """
    side = dict(zip(splits["group"], splits["split"], strict=True))
    sides = {v: side[group] for v, group in grouping.groups.items() if group in side}
    rows = []
    for video, words in explain(grouping.left_out, ties, sides).items():
        own = fixed[video].official
        official = f"by its authors ({' or '.join(sorted(own))})" if own < frozenset(SIDES) else ""
        rows.append((video, "; ".join(filter(None, [official, words]))))
    return BRIDGES.frame(rows)
