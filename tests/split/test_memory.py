"""Accepted videos never move; a new one that would tie two sides is left out and reported."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aislewatch.errors import SplitError
from aislewatch.split.divide import Targets
from aislewatch.split.groups import bridge_table
from aislewatch.split.leaks import find_leaks
from aislewatch.split.memory import remembered_sides
from tests.split_tables import (
    SUFFIX,
    SplitTables,
    clips_of,
    divide,
    even,
    footage,
    memory_of,
    pairs_of,
    remember,
    videos_of,
)


def try_to_divide(tables: SplitTables, *arguments: object, **more: object):  # type: ignore[no-untyped-def]
    """Where random footage cannot be split at all, there is nothing to see."""
    try:
        return divide(tables, *arguments, **more)  # type: ignore[arg-type]
    except SplitError:
        assume(False)


@settings(max_examples=20)
@given(footage(least=14), st.integers(0, 2**32 - 1))
def test_growth_moves_nobody_and_ties_no_sides(tables: SplitTables, seed: int) -> None:
    """Videos come in three deliveries, some go again, some are renamed; each split is accepted."""
    generator = np.random.default_rng(seed)
    names = generator.permutation(tables.videos["video"].to_numpy())
    first = try_to_divide(tables.only(names[: len(names) * 2 // 3]))
    memory = remember(first, tables.only(first.grouping.groups).videos)
    renamed = {str(names[0]): "a/first.mp4", str(names[1]): "z/second.mp4"}
    grown = SplitTables(
        tables.videos.replace(renamed), tables.duplicates, tables.clips.replace(renamed)
    )
    for until in (len(names) - 2, len(names)):
        present = {renamed.get(str(name), str(name)) for name in names[:until]}
        now = grown.only(present - {str(names[3])})
        later = try_to_divide(now, memory)
        for old, side in first.side.items():
            new = renamed.get(old, old)
            assert later.side.get(new, side) == side
            assert new in later.side or new not in set(now.clips["video"])
        splits = later.division.splits
        assert not any(find_leaks(splits, now.videos, now.duplicates, SUFFIX).values())
        reported = bridge_table(later.grouping, later.fixed, later.ties, splits)
        left_out = set(now.videos["video"]) - set(later.grouping.groups)
        assert set(reported["video"]) == left_out
        assert not left_out & {renamed.get(old, old) for old in first.side}
        memory = pd.concat([memory, remember(later, now.videos)], ignore_index=True)
        # Accepted, the same comes out again, down to what is said of those left out.
        again = divide(now, memory)
        pd.testing.assert_frame_equal(again.division.splits, splits)
        repeated = bridge_table(again.grouping, again.fixed, again.ties, splits)
        pd.testing.assert_frame_equal(repeated, reported)


@settings(max_examples=25)
@given(footage(least=14))
def test_official_sides_are_followed_and_their_leaks_left_out(tables: SplitTables) -> None:
    divided = try_to_divide(tables, follow_official=True)
    videos = tables.videos.set_index("video")
    has_val = set(videos.loc[videos["official"] == "val", "source"])
    left_out = set(divided.grouping.left_out)
    for video, side in divided.side.items():
        official, source = videos.loc[video, "official"], videos.loc[video, "source"]
        allowed = {"train", "val"} if official == "train" and source not in has_val else {official}
        assert side in allowed or not official
    assert not any(
        find_leaks(divided.division.splits, tables.videos, tables.duplicates, SUFFIX).values()
    )
    # The test side stays whole, so that figures compare with published ones.
    assert not left_out & set(videos.index[videos["official"] == "test"])
    memory = remember(divided, tables.videos)
    again = divide(tables, memory, follow_official=True)
    pd.testing.assert_frame_equal(again.division.splits, divided.division.splits)


def planted(*pairs: tuple[str, str, float]) -> SplitTables:
    """Forty videos and a new one, s/new.mp4."""
    counts = even(40) | {"s/new.mp4": (3, 0)}
    return SplitTables(videos_of(sorted(counts)), pairs_of(pairs), clips_of(counts))


def test_a_bridge_is_left_out_and_explained() -> None:
    before = planted().only(even(40))
    old = divide(before)
    memory = remember(old, before.videos)
    a, b = (next(v for v in old.side if old.side[v] == side) for side in ("train", "test"))
    tables = planted((a, "s/new.mp4", 0.5), (b, "s/new.mp4", 0.5))
    divided = divide(tables, memory)
    assert divided.grouping.left_out == ["s/new.mp4"]
    assert divided.side == old.side
    table = bridge_table(divided.grouping, divided.fixed, divided.ties, divided.division.splits)
    assert table.values.tolist() == [["s/new.mp4", f"copy of {b} (test); copy of {a} (train)"]]
    # Nothing remembered: nothing is torn, and the three are one group.
    assert divide(tables).grouping.groups[a] == divide(tables).grouping.groups[b]


def test_old_videos_found_to_belong_together_are_refused() -> None:
    before = planted()
    old = divide(before)
    memory = remember(old, before.videos)
    a, b = (next(v for v in old.side if old.side[v] == side) for side in ("train", "test"))
    with pytest.raises(SplitError) as refused:
        divide(planted((a, b, 0.5)), memory)
    first, second = sorted([a, b])
    assert f"{second} ({old.side[second]}): copy of {first} ({old.side[first]})" in str(
        refused.value
    )
    # The advice works: without its row, a video follows.
    freed = memory[memory["video"] != second]
    assert divide(planted((a, b, 0.5)), freed).side[second] == old.side[first]
    # A column that ties all there is cannot be kept together any more.
    with pytest.raises(SplitError, match="same camera as"):
        divide(before, memory, keep_together=["camera"])


def test_a_row_speaks_for_its_content_and_else_for_its_name() -> None:
    videos = videos_of(
        ["s/moved", "s/same", "s/copy", "s/again", "s/other"], ["1", "2", "2", "30", "4"]
    )
    memory = memory_of(
        [
            ("s/old", "1", "test"),
            ("s/same", "2", "val"),
            ("s/again", "3", "train"),
            # Its content lies under another name now: this name's new content is a new video.
            ("s/other", "1", "test"),
        ]
    )
    sides = {"s/moved": "test", "s/same": "val", "s/again": "train"}
    assert remembered_sides(videos, memory) == sides


def test_official_train_gives_validation_where_authors_have_none() -> None:
    counts = even(60)
    videos = videos_of(sorted(counts))
    videos["official"] = ["test" if i % 5 == 0 else "train" for i in range(60)]
    tables = SplitTables(videos, pairs_of([]), clips_of(counts))
    divided = divide(tables, follow_official=True)
    official = dict(zip(videos["video"], videos["official"], strict=True))
    assert {v for v, side in divided.side.items() if side == "test"} == {
        v for v in official if official[v] == "test"
    }
    train, val, test = divided.division.asked[:, 0]
    assert val / (train + val) == pytest.approx(0.15 / 0.85)
    held = divided.division.splits["split"].value_counts(normalize=True)
    assert held["val"] == pytest.approx(val, abs=0.01)
    assert held["test"] == pytest.approx(test)


def test_official_sides_that_are_not_there_or_not_remembered() -> None:
    tables = planted()
    with pytest.raises(SplitError, match="no video has an official side"):
        divide(tables, follow_official=True)
    tables.videos["official"] = "train"
    video = tables.videos["video"].iloc[0]
    memory = memory_of([(video, tables.videos["sha256"].iloc[0], "test")])
    with pytest.raises(SplitError, match=f"{video}: test instead of train or val"):
        divide(tables, memory, follow_official=True)


def test_a_source_for_training_only_moves_nothing_and_is_never_tested_on() -> None:
    shop = even(40)
    desk = {f"desk/till/alert{i}.mp4": (3 * (i % 2), 3 * (1 - i % 2)) for i in range(30)}
    before = SplitTables(videos_of(sorted(shop)), pairs_of([]), clips_of(shop))
    old = divide(before, train_only=["desk"])
    memory = remember(old, before.videos)
    tested = next(video for video in old.side if old.side[video] == "test")
    copy = "desk/till/alert0.mp4"
    counts = shop | desk
    tables = SplitTables(
        videos_of(sorted(counts)), pairs_of([(copy, tested, 0.9)]), clips_of(counts)
    )
    now = divide(tables, memory, train_only=["desk"], targets=Targets(0.7, 0.15, 0.15, 5.0))
    assert {video: now.side[video] for video in old.side} == old.side
    assert {now.side[video] for video in desk if video != copy} == {"train"}
    assert now.grouping.left_out == [copy]
    # Nothing remembered: the shop still gets all three sides in its own shares.
    anew = divide(tables, train_only=["desk"], targets=Targets(0.7, 0.15, 0.15, 5.0))
    assert sorted({anew.side[video] for video in shop}) == ["test", "train", "val"]
    assert {anew.side[video] for video in desk if video != copy} == {"train"}
