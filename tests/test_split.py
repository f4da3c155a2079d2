"""Nothing leaks between the sides, and every side gets its share of both classes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aislewatch.assignment import SIDES, assign
from aislewatch.config import load_params
from aislewatch.duplicates import pair_table, read_pairs
from aislewatch.errors import SplitError
from aislewatch.groups import CAUSES, count_causes, group_videos, link_videos, recording_of
from aislewatch.leaks import achieved, find_leaks, refuse_leaks
from aislewatch.split import Targets, split
from stages import ingest, segment, validate
from stages import split as split_stage

SUFFIX = load_params(Path("params.yaml")).split.recording_suffix
TARGETS = Targets(0.70, 0.15, 0.15)


def catalog_of(videos: list[str], digests: list[str] | None = None) -> pd.DataFrame:
    sources = [video.split("/")[0] for video in videos]
    digests = digests or [f"{i:064x}" for i in range(len(videos))]
    columns = {"video": videos, "source": sources, "camera": sources, "sha256": digests}
    return pd.DataFrame(columns, dtype="str")


def clips_of(counts: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Clips of videos with the given numbers of negatives and positives."""
    labels = {video: [0] * n + [1] * p for video, (n, p) in counts.items()}
    rows = [(v, i * 8, label) for v, own in labels.items() for i, label in enumerate(own)]
    return pd.DataFrame(rows, columns=["video", "start", "label"])


def even(videos: int) -> dict[str, tuple[int, int]]:
    return {
        f"s/{'normal' if i % 2 else 'shoplifting'}/v{i:03d}.mp4": (4 + i % 5, 4 * (i % 2 == 0))
        for i in range(videos)
    }


@st.composite
def footage(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Catalog, duplicates and clips, with shared recordings, equal files and near-duplicates."""
    n = draw(st.integers(6, 40))
    stems = draw(st.lists(st.integers(0, 60), min_size=n, max_size=n))
    folders = draw(st.lists(st.sampled_from(["normal", "shoplifting"]), min_size=n, max_size=n))
    videos = sorted(
        {f"s/{f}/take{s}_part{i}.mp4" for i, (f, s) in enumerate(zip(folders, stems, strict=True))}
    )
    digests = [f"{draw(st.integers(0, 80)):064x}" for _ in videos]
    catalog = catalog_of(videos, digests)
    index = st.integers(0, len(videos) - 1)
    near = [
        (videos[a], videos[b], 0.5) for a, b in draw(st.lists(st.tuples(index, index), max_size=8))
    ]
    duplicates = pair_table(catalog, near, {v: v.split("/")[1] for v in videos})
    sizes = draw(
        st.lists(
            st.tuples(st.integers(0, 30), st.integers(0, 30)),
            min_size=len(videos),
            max_size=len(videos),
        )
    )
    return catalog, duplicates, clips_of(dict(zip(videos, sizes, strict=True)))


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
    assert recording_of(video, "mnnit", SUFFIX) == recording


def test_links_of_each_kind_join_and_are_counted() -> None:
    videos = [
        "s/normal/a_f1.mp4",
        "s/shoplifting/a_f2.mp4",
        "s/b.mp4",
        "s/c.mp4",
        "s/d.mp4",
        "s/e.mp4",
    ]
    catalog = catalog_of(videos, ["1", "2", "3", "3", "4", "5"])
    near = [("s/c.mp4", "s/d.mp4", 0.6), ("s/e.mp4", "s/gone.mp4", 0.9)]
    duplicates = pair_table(catalog, near, {})
    links = link_videos(catalog, duplicates, SUFFIX)
    groups = group_videos(catalog, links)
    assert groups == {
        videos[0]: videos[0],
        videos[1]: videos[0],
        "s/b.mp4": "s/b.mp4",
        "s/c.mp4": "s/b.mp4",
        "s/d.mp4": "s/b.mp4",
        "s/e.mp4": "s/e.mp4",
    }
    counts = count_causes(groups, links)
    assert counts["recording"] == 1
    assert counts["several"] == 1
    assert set(counts) == {"single_video", "several", *CAUSES}


@settings(max_examples=60, deadline=None)
@given(footage(), st.randoms(use_true_random=False))
def test_no_footage_on_two_sides_and_order_does_not_matter(
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], random: object
) -> None:
    catalog, duplicates, clips = tables
    groups = group_videos(catalog, link_videos(catalog, duplicates, SUFFIX))
    try:
        splits = split(clips, groups, TARGETS, seed=0)
    except SplitError:
        assume(False)
    leaks = find_leaks(splits, catalog, duplicates, SUFFIX)
    assert leaks == {kind: [] for kind in leaks}
    refuse_leaks(splits, leaks)
    assert len(splits) == len(clips)
    mixed = [table.sample(frac=1, random_state=random.randrange(99)) for table in tables]  # type: ignore[attr-defined]
    again = group_videos(mixed[0], link_videos(mixed[0], mixed[1], SUFFIX))
    assert again == groups
    pd.testing.assert_frame_equal(split(mixed[2], again, TARGETS, seed=0), splits)


@settings(max_examples=25, deadline=None)
@given(st.integers(60, 150), st.integers(0, 2**32 - 1))
def test_well_behaved_groups_come_within_a_point(groups: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    clips = generator.integers(5, 30, groups)
    positives = np.where(generator.random(groups) < 0.5, generator.integers(1, 5, groups), 0)
    positives[:3], clips[:3] = 3, 10
    counts = np.stack([clips, positives, clips - positives], axis=1)
    sides = assign(counts, TARGETS.array(), 0)
    share = np.stack([counts[sides == s].sum(axis=0) for s in range(3)]) / counts.sum(axis=0)
    assert np.abs(share - TARGETS.array()[:, None]).max() < 0.01


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(any), min_size=3, max_size=12)
)
def test_every_side_has_both_classes_wherever_three_groups_hold_each(
    sizes: list[tuple[int, int]],
) -> None:
    counts = np.array([(p + n, p, n) for p, n in sizes])
    assume(((counts > 0).sum(axis=0) >= 3).all())
    sides = assign(counts, TARGETS.array(), 0)
    for side in range(len(SIDES)):
        assert (counts[sides == side].sum(axis=0) > 0).all()


def test_shares_are_counted_by_hand() -> None:
    splits = clips_of({"a": (6, 2), "b": (1, 1)}).assign(group="g")
    splits["split"] = ["train"] * 8 + ["val", "test"]
    shares = achieved(splits)
    assert shares["train"]["clips"] == {"count": 8, "share": 0.8}
    assert shares["train"]["positives"] == {"count": 2, "share": 0.66667}
    assert shares["val"]["negatives"] == {"count": 1, "share": 0.14286}
    assert shares["test"]["videos"] == {"count": 0, "share": 0.0}


def test_too_few_videos_and_too_large_a_group_are_refused() -> None:
    few = clips_of({"s/a": (5, 0), "s/b": (5, 0), "s/c": (5, 5), "s/d": (0, 5)})
    same = {video: video for video in ["s/a", "s/b", "s/c", "s/d", "s/e"]}
    with pytest.raises(SplitError, match=r"2 independent group\(s\) hold shoplifting clips, 3 are"):
        split(few, same, TARGETS, 0)
    large = clips_of({"s/a": (5, 1), "s/b": (5, 1), "s/c": (5, 1), "s/d": (300, 2)})
    with pytest.raises(SplitError, match=r"group of s/d holds 95.2% of all negatives.*25.2 points"):
        split(large, same, TARGETS, 0)


@pytest.mark.parametrize("kind", ["video", "group", "recording", "same_bytes", "near_duplicate"])
def test_a_planted_leak_is_seen(kind: str) -> None:
    counts = even(40)
    videos = sorted(counts)
    catalog = catalog_of(videos)
    duplicates = pair_table(catalog, [], {})
    splits = split(clips_of(counts), {v: v for v in videos}, TARGETS, 0)
    refuse_leaks(splits, find_leaks(splits, catalog, duplicates, SUFFIX))
    side = splits.drop_duplicates("video").set_index("video")["split"]
    a, b = side[side == "train"].index[0], side[side == "test"].index[0]
    if kind == "video":
        splits.loc[splits.index[splits["video"] == a][0], "split"] = "test"
    elif kind == "group":
        splits.loc[splits["video"] == b, "group"] = a
    elif kind == "recording":
        renamed = {a: "s/normal/same_f1.mp4", b: "s/shoplifting/same_f2.mp4"}
        splits, catalog = splits.replace(renamed), catalog.replace(renamed)
    elif kind == "same_bytes":
        catalog.loc[catalog["video"] == b, "sha256"] = catalog.loc[
            catalog["video"] == a, "sha256"
        ].item()
    else:
        duplicates = pair_table(catalog, [(a, b, 0.4)], {})
    leaks = find_leaks(splits, catalog, duplicates, SUFFIX)
    assert leaks[kind]
    with pytest.raises(SplitError, match=f"same {kind}"):
        refuse_leaks(splits, leaks)


def test_a_side_without_a_class_is_refused() -> None:
    splits = clips_of({"a": (6, 2), "b": (1, 0), "c": (1, 1)})
    splits["split"] = ["train"] * 8 + ["val"] + ["test"] * 2
    with pytest.raises(SplitError, match="the val side lacks a class"):
        refuse_leaks(splits, {})


def test_stage_writes_the_same_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = tmp_path / "execution"
    (tmp_path / "data").mkdir()
    execution.mkdir()
    (tmp_path / "params.yaml").write_text(Path("params.yaml").read_text())
    counts = even(60)
    videos = sorted(counts)
    catalog = catalog_of(videos)
    catalog.to_parquet(tmp_path / "data" / "catalog.parquet")
    near = [(videos[0], videos[-1], 0.8), (videos[1], videos[2], 0.4)]
    labels = {video: video.split("/")[1] for video in videos}
    pair_table(catalog, near, labels).to_csv(tmp_path / "data" / "duplicates.csv", index=False)
    clips_of(counts).to_parquet(tmp_path / "data" / "clips.parquet")
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(execution))
    monkeypatch.chdir(tmp_path)
    outputs = [
        Path("data/splits.parquet"),
        Path("data/leak_report.json"),
        Path("metrics/split.json"),
    ]
    split_stage.main()
    first = [output.read_bytes() for output in outputs]
    split_stage.main()
    assert [output.read_bytes() for output in outputs] == first
    report = json.loads(outputs[1].read_text())
    assert report["worst_deviation_points"] < 2
    assert report["groups"]["near_duplicate"] == 2
    assert report["groups"]["total"] == 58
    assert [pair["b"] for pair in report["contradictory_pairs"]] == [videos[-1]]
    assert report["cameras"]["test_clips_share_of_trained_cameras"] == 1.0
    assert json.loads(outputs[2].read_text())["contradictory_pairs"] == 1


def test_empty_duplicates_file(tmp_path: Path) -> None:
    path = tmp_path / "duplicates.csv"
    pair_table(catalog_of(["s/a"]), [], {}).to_csv(path, index=False)
    links = link_videos(catalog_of(["s/a", "s/b"]), read_pairs(path), SUFFIX)
    assert links.empty


@pytest.mark.corpus
def test_real_copies_lie_on_one_side(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sibling without real footage is ``test_stage_writes_the_same_bytes_twice``."""
    listed = pd.read_csv(corpus / "near_duplicates.csv")
    params = yaml.safe_load(Path("params.yaml").read_text()) | {"sources": ["mnnit"]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    for name in sorted({*listed["a"], *listed["b"]}):
        target = tmp_path / "data" / "raw" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(corpus / name, target)
    execution = tmp_path / "execution"
    execution.mkdir()
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(execution))
    monkeypatch.chdir(tmp_path)
    for stage in (ingest, validate, segment, split_stage):
        stage.main()
    splits = pd.read_parquet("data/splits.parquet").drop_duplicates("video").set_index("video")
    shared = listed[listed["frac_frames_shared"] > 0.5]
    assert len(shared) > 20
    for a, b in zip(shared["a"], shared["b"], strict=True):
        assert splits.loc[a, "group"] == splits.loc[b, "group"]
        assert splits.loc[a, "split"] == splits.loc[b, "split"]
    report = json.loads(Path("data/leak_report.json").read_text())
    contradictory = {(pair["a"], pair["b"]) for pair in report["contradictory_pairs"]}
    conflicts = shared[shared["labels_conflict"]]
    assert {
        (min(p), max(p)) for p in zip(conflicts["a"], conflicts["b"], strict=True)
    } <= contradictory
