"""Looks for footage on two sides of a finished split, and states what the split achieved.

The check reads the final table and asks each kind of sameness anew; it uses nothing of how groups
were built, so that a fault there is seen here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from aislewatch.assignment import QUANTITIES, SIDES
from aislewatch.clips import NORMAL, SHOPLIFTING
from aislewatch.errors import SplitError
from aislewatch.groups import count_causes, recording_of
from aislewatch.split import Targets

# Leaks quoted in the error message.
QUOTED = 10
# Digits of shares and points in the report: a thousandth of a point.
DIGITS = 5


def find_leaks(
    splits: pd.DataFrame, catalog: pd.DataFrame, duplicates: pd.DataFrame, suffix: str
) -> dict[str, list[str]]:
    """What lies on two sides, by kind of sameness; every list is empty where nothing leaks.

    Args:
        splits: clips with video, group and split.
        catalog: uses video, source, sha256.
        duplicates: pairs a, b.
        suffix: see ``groups.recording_of``.
    """
    sides = splits.groupby("video")["split"].agg(lambda column: sorted(set(column)))
    used = catalog[catalog["video"].isin(sides.index)]
    videos = used["video"].tolist()
    recordings = [recording_of(v, s, suffix) for v, s in zip(videos, used["source"], strict=True)]
    known = duplicates[duplicates["a"].isin(sides.index) & duplicates["b"].isin(sides.index)]
    pairs = zip(known["a"], known["b"], strict=True)
    return {
        "video": _on_two_sides(splits["video"], splits["split"]),
        "group": _on_two_sides(splits["group"], splits["split"]),
        "recording": _on_two_sides(recordings, [sides[v] for v in videos]),
        "same_bytes": _on_two_sides(used["sha256"], [sides[v] for v in videos]),
        "near_duplicate": [f"{a} and {b}" for a, b in pairs if sides[a] != sides[b]],
    }


def _on_two_sides(keys: Iterable[str], sides: Iterable[str | list[str]]) -> list[str]:
    seen: dict[str, set[str]] = {}
    for key, side in zip(keys, sides, strict=True):
        seen.setdefault(key, set()).update([side] if isinstance(side, str) else side)
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
        if labels != {NORMAL, SHOPLIFTING}:
            raise SplitError(
                f"the {side} side lacks a class (labels {sorted(labels)}); add footage of other "
                f"recordings, or raise split.{side} in params.yaml"
            )


def leak_report(
    splits: pd.DataFrame,
    catalog: pd.DataFrame,
    duplicates: pd.DataFrame,
    groups: Mapping[str, str],
    links: pd.DataFrame,
    leaks: Mapping[str, list[str]],
    targets: Targets,
) -> dict[str, Any]:
    """What the split achieved: shares, deviation, groups by cause, cameras, contradictions.

    Args:
        splits: the final table.
        catalog: uses video and camera.
        duplicates: as validation wrote them; those whose labels conflict are listed.
        groups: the group of every video of the catalog.
        links: as ``groups.link_videos`` returned them.
        leaks: as ``find_leaks`` returned them.
        targets: the shares that were asked for.
    """
    shares = achieved(splits)
    asked = dict(zip(SIDES, targets.array(), strict=True))
    worst = max(abs(shares[s][q]["share"] - asked[s]) for s in SIDES for q in QUANTITIES)
    used = set(splits["group"])
    causes = count_causes({v: group for v, group in groups.items() if group in used}, links)
    per_group = splits.groupby("group").agg(clips=("start", "size"), videos=("video", "nunique"))
    largest = per_group.sort_values(["clips"], ascending=False, kind="stable").iloc[0]
    conflicts = duplicates[duplicates["labels_conflict"]]
    return {
        "leaks": {kind: len(items) for kind, items in leaks.items()},
        "asked": {side: round(float(share), DIGITS) for side, share in asked.items()},
        "achieved": shares,
        "worst_deviation_points": round(100 * float(worst), DIGITS - 2),
        "groups": {"total": len(per_group), **causes},
        "largest_group": {
            "name": str(largest.name),
            "videos": int(largest["videos"]),
            "clips": int(largest["clips"]),
            "share": round(float(largest["clips"]) / len(splits), DIGITS),
        },
        "cameras": _cameras(splits, catalog),
        "near_duplicate_pairs": int((~duplicates["same_bytes"]).sum()),
        "same_bytes_pairs": int(duplicates["same_bytes"].sum()),
        "contradictory_pairs": conflicts[["a", "b", "share"]].to_dict("records"),
    }


def achieved(splits: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Count and share of clips, positives, negatives, videos and groups on every side."""
    counted = {
        "clips": splits,
        "positives": splits[splits["label"] == SHOPLIFTING],
        "negatives": splits[splits["label"] == NORMAL],
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


def _cameras(splits: pd.DataFrame, catalog: pd.DataFrame) -> dict[str, float]:
    """A camera on two sides is no leak of a recording, but the test is then no unseen place."""
    camera = splits["video"].map(dict(zip(catalog["video"], catalog["camera"], strict=True)))
    sides = splits["split"].groupby(camera).nunique()
    trained = set(camera[splits["split"] == "train"])
    test = camera[splits["split"] == "test"]
    return {
        "total": len(sides),
        "on_several_sides": int((sides > 1).sum()),
        "test_clips_share_of_trained_cameras": round(float(test.isin(trained).mean()), DIGITS),
    }
