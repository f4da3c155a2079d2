"""Nothing leaks between the sides, whatever ties videos together."""

from random import Random

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aislewatch.errors import SplitError
from aislewatch.split.groups import CAUSES, find_ties, group_videos, recording_of
from aislewatch.split.leaks import achieved, find_leaks, nearest_across, refuse_leaks
from tests.split_tables import (
    SUFFIX,
    TARGETS,
    SplitTables,
    clips_of,
    divide,
    even,
    footage,
    pairs_of,
    videos_of,
)


@pytest.mark.parametrize(
    ("video", "recording"),
    [
        ("mnnit/normal/Normal_001_f1.mp4", "mnnit/Normal_001"),
        ("mnnit/shoplifting/Shoplifting_056_part2.mp4", "mnnit/Shoplifting_056"),
        ("mnnit/shoplifting/mnnit_orig__Shoplifting (1).mp4", "mnnit/mnnit_orig__Shoplifting (1)"),
        ("mnnit/normal/dcsass__Abuse014_x264_1.mp4", "mnnit/dcsass__Abuse014_x264"),
        ("mnnit/normal/ucf__Normal001_x264.mp4", "mnnit/ucf__Normal001_x264"),
        ("mnnit/cam2/normal/v_17.mp4", "mnnit/v_17"),
    ],
)
def test_recording_of_a_file_name(video: str, recording: str) -> None:
    assert recording_of(video, "mnnit", "", SUFFIX) == recording
    assert recording_of(video, "mnnit", "tuesday", SUFFIX) == "tuesday"


def test_ties_of_each_kind_join_and_are_counted() -> None:
    names = ["s/normal/a_f1.mp4", "s/shoplifting/a_f2.mp4", *(f"s/{x}.mp4" for x in "bcdefghij")]
    videos = videos_of(names, ["1", "2", "3", "3", *"456789x"])
    # t/k and s/j were cut from one take, by their labels; s/h and s/i stand in one store.
    videos.loc[[9, 10], "recording"] = "tuesday"
    videos["store"] = [None] * 7 + ["Ghent", "Ghent", None, ""]
    near = [
        ("s/c.mp4", "s/d.mp4", 0.6),
        ("s/e.mp4", "s/gone.mp4", 0.9),
        ("s/e.mp4", "s/f.mp4", 0.2),
    ]
    ties = find_ties(videos, pairs_of(near), SUFFIX, ["store"])
    fixed = divide(
        SplitTables(videos, pairs_of([]), clips_of(even(0) | dict.fromkeys(names, (3, 3))))
    ).fixed
    grouping = group_videos(fixed, ties)
    groups: dict[str, list[str]] = {}
    for video, group in grouping.groups.items():
        groups.setdefault(group, []).append(video)
    assert [found for found in groups.values() if len(found) > 1] == [
        ["s/b.mp4", "s/c.mp4", "s/d.mp4"],
        ["s/g.mp4", "s/h.mp4"],
        ["s/i.mp4", "s/j.mp4"],
        names[:2],
    ]
    assert grouping.left_out == []
    counts = grouping.count_causes(groups)
    assert counts == dict.fromkeys(CAUSES, 0) | {
        "recording": 2,
        "store": 1,
        "several": 1,
        "single_video": 2,
    }


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(SplitError, match=r"names 'store', which is no column.*source, camera"):
        find_ties(videos_of(["s/a"]), pairs_of([]), SUFFIX, ["store"])


@settings(max_examples=40)
@given(footage(), st.sampled_from([[], ["camera"], ["camera", "official"]]), st.randoms())
def test_no_footage_on_two_sides_and_order_does_not_matter(
    tables: SplitTables, keep_together: list[str], random: Random
) -> None:
    try:
        divided = divide(tables, keep_together=keep_together)
    except SplitError:
        assume(False)
    splits = divided.division.splits
    leaks = find_leaks(splits, tables.videos, tables.duplicates, SUFFIX, keep_together)
    assert leaks == {kind: [] for kind in ["video", "group", *CAUSES, *keep_together]}
    refuse_leaks(splits, leaks)
    assert len(splits) == len(tables.clips)
    mixed = SplitTables(
        *(
            table.sample(frac=1, random_state=random.randrange(99))
            for table in (tables.videos, tables.duplicates, tables.clips)
        )
    )
    again = divide(mixed, keep_together=keep_together)
    assert again.grouping.groups == divided.grouping.groups
    pd.testing.assert_frame_equal(again.division.splits, splits)


def test_shares_are_counted_by_hand() -> None:
    splits = clips_of({"a": (6, 2), "b": (1, 1)}).assign(group="g")
    splits["split"] = ["train"] * 8 + ["val", "test"]
    shares = achieved(splits)
    assert shares["train"]["clips"] == {"count": 8, "share": 0.8}
    assert shares["train"]["positives"] == {"count": 2, "share": 0.66667}
    assert shares["val"]["negatives"] == {"count": 1, "share": 0.14286}
    assert shares["test"]["videos"] == {"count": 0, "share": 0.0}


@pytest.mark.parametrize("kind", ["video", "group", "recording", "same_bytes", "copy", "store"])
def test_a_planted_leak_is_seen(kind: str) -> None:
    counts = even(40)
    videos, duplicates = videos_of(sorted(counts)).assign(store=""), pairs_of([])
    divided = divide(SplitTables(videos, duplicates, clips_of(counts)), targets=TARGETS)
    splits, side = divided.division.splits, divided.side
    refuse_leaks(splits, find_leaks(splits, videos, duplicates, SUFFIX, ["store"]))
    a, b = (next(v for v in side if side[v] == name) for name in ("train", "test"))
    if kind == "video":
        splits.loc[splits.index[splits["video"] == a][0], "split"] = "test"
    elif kind == "group":
        splits.loc[splits["video"] == b, "group"] = a
    elif kind == "recording":
        renamed = {a: "s/normal/same_f1.mp4", b: "s/shoplifting/same_f2.mp4"}
        splits, videos = splits.replace(renamed), videos.replace(renamed)
    elif kind == "copy":
        duplicates = pairs_of([(a, b, 0.4)])
    else:
        column = {"same_bytes": "sha256"}.get(kind, kind)
        videos.loc[videos["video"].isin([a, b]), column] = "the same"
    leaks = find_leaks(splits, videos, duplicates, SUFFIX, ["store"])
    assert leaks[kind]
    with pytest.raises(SplitError, match=f"same {kind}"):
        refuse_leaks(splits, leaks)


def test_a_side_without_a_class_is_refused() -> None:
    splits = clips_of({"a": (6, 2), "b": (1, 0), "c": (1, 1)})
    splits["split"] = ["train"] * 8 + ["val"] + ["test"] * 2
    with pytest.raises(SplitError, match="the val side lacks a class"):
        refuse_leaks(splits, {})


def test_the_nearest_pairs_across_sides_are_those_that_share_most() -> None:
    splits = clips_of({"a": (1, 0), "b": (1, 0), "c": (1, 0), "d": (1, 0)})
    splits["split"] = ["train", "test", "test", "test"]
    splits["group"] = ["a", "b", "c", "b"]
    near = [("a", "b", 0.1), ("a", "c", 0.2), ("b", "c", 0.25), ("a", "x", 0.2), ("a", "d", 0.05)]
    found = nearest_across(splits, pairs_of(near))
    assert found[["a", "b", "side_a", "side_b"]].values.tolist() == [
        ["a", "c", "train", "test"],
        ["a", "b", "train", "test"],
    ]
