"""Looks for footage on two sides of a finished split, and states what the split achieved.

The check reads the final table and asks each kind of sameness anew; it uses nothing of how groups
were built, so that a fault there is seen here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from aislewatch.errors import SplitError
from aislewatch.segment.clips import NORMAL_CLASS, SHOPLIFTING_CLASS
from aislewatch.split.assignment import POINT, QUANTITIES, SIDES
from aislewatch.split.divide import Division
from aislewatch.split.groups import QUOTED, Grouping, recording_of

# Digits of shares and points in the report: a thousandth of a point.
DIGITS = 5
# Pairs across sides that the report lists: a page that a person looks through.
NEAREST = 12


def find_leaks(
    splits: pd.DataFrame,
    videos: pd.DataFrame,
    duplicates: pd.DataFrame,
    suffix: str,
    keep_together: Sequence[str] = (),
) -> dict[str, list[str]]:
    """List what lies on two sides, by kind of sameness; every list is empty if nothing leaks.

    Args:
        splits: clips with video, group and split.
        videos: uses video, source, recording, sha256 and the columns to keep together.
        duplicates: pairs a, b, is_copy.
        suffix: see ``groups.recording_of``.
        keep_together: columns of ``videos``.
    """
    sides = splits.groupby("video")["split"].agg(lambda column: sorted(set(column)))
    used = videos[videos["video"].isin(sides.index)]
    own = [sides[video] for video in used["video"]]
    told = zip(used["video"], used["source"], used["recording"], strict=True)
    copies = duplicates[duplicates["is_copy"]]
    known = copies[copies["a"].isin(sides.index) & copies["b"].isin(sides.index)]
    pairs = zip(known["a"], known["b"], strict=True)
    return {
        "video": _on_two_sides(splits["video"], splits["split"]),
        "group": _on_two_sides(splits["group"], splits["split"]),
        "recording": _on_two_sides((recording_of(*row, suffix) for row in told), own),
        "same_bytes": _on_two_sides(used["sha256"], own),
        "copy": [f"{a} and {b}" for a, b in pairs if sides[a] != sides[b]],
        **{column: _on_two_sides(used[column], own) for column in keep_together},
    }


def _on_two_sides(keys: Iterable[Any], sides: Iterable[str | list[str]]) -> list[str]:
    """List the keys that lie on two sides; empty keys say nothing."""
    seen: dict[str, set[str]] = {}
    for key, side in zip(keys, sides, strict=True):
        if key != "" and not pd.isna(key):
            seen.setdefault(str(key), set()).update([side] if isinstance(side, str) else side)
    return sorted(key for key, found in seen.items() if len(found) > 1)


def refuse_leaks(splits: pd.DataFrame, leaks: Mapping[str, list[str]]) -> None:
    """Stop unless every side holds both classes and nothing is on two sides.

    Raises:
        SplitError: naming what leaks or which class a side lacks.
    """
    lines = [f"  same {kind}: {item}" for kind, items in leaks.items() for item in items]
    if lines:
        raise SplitError(
            f"{len(lines)} case(s) of the same footage on two sides of the split:\n"
            + "\n".join(lines[:QUOTED])
            + "\nRun validate and split again; if it stays, this is a fault of the program"
        )
    for side in SIDES:
        labels = set(splits.loc[splits["split"] == side, "label"])
        if labels != {NORMAL_CLASS, SHOPLIFTING_CLASS}:
            raise SplitError(
                f"the {side} side lacks a class (labels {sorted(labels)}); add footage of other "
                f"recordings, or raise split.{side} in params.yaml"
            )


def leak_report(
    division: Division,
    videos: pd.DataFrame,
    duplicates: pd.DataFrame,
    grouping: Grouping,
    leaks: Mapping[str, list[str]],
) -> dict[str, Any]:
    """Report what was achieved: shares, deviations, groups by cause, cameras, nearest pairs.

    It says nothing of what was remembered and what is new: accepting a split changes no byte of it.

    Args:
        division: the finished split.
        videos: uses video, camera and scene.
        duplicates: as validation wrote them.
        grouping: of all videos.
        leaks: as ``find_leaks`` returned them.
    """
    splits = division.splits
    shares = achieved(splits)
    asked = {
        side: dict(zip(QUANTITIES, map(float, row), strict=True))
        for side, row in zip(SIDES, division.asked, strict=True)
    }
    deviations = {
        side: {q: _points(shares[side][q]["share"] - wanted) for q, wanted in row.items()}
        for side, row in asked.items()
    }
    per_group = splits.groupby("group").agg(clips=("start", "size"), videos=("video", "nunique"))
    largest = per_group.sort_values(["clips"], ascending=False, kind="stable").iloc[0]
    conflicts = duplicates[duplicates["labels_conflict"]]
    return {
        "leaks": {kind: len(items) for kind, items in leaks.items()},
        "asked": {s: {q: round(v, DIGITS) for q, v in row.items()} for s, row in asked.items()},
        "achieved": shares,
        "deviation_points": deviations,
        "worst_deviation_points": max(abs(d) for row in deviations.values() for d in row.values()),
        "groups": {"total": len(per_group), **grouping.count_causes(per_group.index)},
        "largest_group": {
            "name": str(largest.name),
            "videos": int(largest["videos"]),
            "clips": int(largest["clips"]),
            "share": round(float(largest["clips"]) / len(splits), DIGITS),
        },
        "left_out_videos": len(grouping.left_out),
        "cameras": shared_places(splits, videos, "camera"),
        "scenes": shared_places(splits, videos, "scene"),
        "copies": int(duplicates["is_copy"].sum()),
        "same_bytes_pairs": int(duplicates["same_bytes"].sum()),
        "contradictory_pairs": conflicts[["a", "b", "share"]].to_dict("records"),
        "nearest_across_sides": nearest_across(splits, duplicates)[
            ["a", "b", "share", "side_a", "side_b"]
        ].to_dict("records"),
    }


def _points(share: float) -> float:
    # No -0.0: adding 0 takes the sign from it.
    return round(share / POINT, DIGITS - 2) + 0.0


def achieved(splits: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Count clips, positives, negatives, videos and groups on every side; give their shares."""
    counted = {
        "clips": splits,
        "positives": splits[splits["label"] == SHOPLIFTING_CLASS],
        "negatives": splits[splits["label"] == NORMAL_CLASS],
        "videos": splits.drop_duplicates("video"),
        "groups": splits.drop_duplicates("group"),
    }
    return {
        side: {
            name: {
                "count": int((table["split"] == side).sum()),
                "share": round(float((table["split"] == side).mean()), DIGITS),
            }
            for name, table in counted.items()
        }
        for side in SIDES
    }


def shared_places(splits: pd.DataFrame, videos: pd.DataFrame, column: str) -> dict[str, float]:
    """Count known places, those on several sides, and the share of test clips at trained ones.

    A camera on two sides leaks no recording, but then the test shows no unseen place.

    Args:
        splits: the finished split.
        videos: uses video and ``column``.
        column: ``camera``, as people named it, or ``scene``, the same background; an empty value
            is an unknown place, not a common one.
    """
    place = splits["video"].map(dict(zip(videos["video"], videos[column], strict=True)))
    known = place[place != ""]
    sides = splits["split"].groupby(known).nunique()
    trained = set(known[splits["split"] == "train"])
    test = place[splits["split"] == "test"]
    return {
        "total": len(sides),
        "on_several_sides": int((sides > 1).sum()),
        "test_clips_share_of_trained": round(float(test.isin(trained).mean()), DIGITS),
    }


def nearest_across(splits: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """List the pairs on two sides that share most frames, below what counts as a copy.

    Returns:
        at most ``NEAREST`` rows of duplicates with side_a and side_b, by falling share; of two
        groups only their nearest pair, or one take would fill the list.
    """
    placed = splits.drop_duplicates("video").set_index("video")[["group", "split"]]
    pairs = duplicates[duplicates["a"].isin(placed.index) & duplicates["b"].isin(placed.index)]
    of_a, of_b = placed.loc[pairs["a"]], placed.loc[pairs["b"]]
    pairs = pairs.assign(side_a=of_a["split"].to_numpy(), side_b=of_b["split"].to_numpy())
    ends = zip(of_a["group"], of_b["group"], strict=True)
    pairs["groups"] = [f"{min(end)} {max(end)}" for end in ends]
    pairs = pairs[pairs["side_a"] != pairs["side_b"]]
    pairs = pairs.sort_values(["share", "a", "b"], ascending=[False, True, True])
    return pairs.drop_duplicates("groups").drop(columns="groups").head(NEAREST)
