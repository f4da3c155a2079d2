"""The synthetic shop: same bytes everywhere, labels that fit, planted traps, whole or resumed."""

import csv
import hashlib
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.config.params import load_params
from aislewatch.files import sha256_tree
from aislewatch.synth.choreography import (
    BRIEFEST,
    FPS,
    LONGEST,
    SHORTEST,
    SLOWEST,
    ShopperPose,
    perform,
)
from aislewatch.synth.footage import long_recording
from aislewatch.synth.raster import SUB
from aislewatch.synth.scene import CAMERAS, HEIGHT, WIDTH, build_shop
from aislewatch.synth.shop import MANIFEST, render_shop
from aislewatch.synth.takes import FEWEST, PlannedVideo, events_of, plan_shop, render_video
from tests.synth.rendering import SEED, VIDEOS, quiet

ROOT = Path(__file__).parents[2]


LABELS = ("normal", "shoplifting")


# Goods on the shelves as a shopper sees them.
GOODS = [(66 * SUB, -110 * SUB), (58 * SUB, -84 * SUB), (70 * SUB, -84 * SUB)]
# A visit with a theft, by its place in the shop.
THEFT = "cam1/shoplifting/any.mp4"


# sha256 of seed 7's take 1: what every x86 machine with the pinned wheels must render. Whoever
# changes it on purpose raises RENDERING too.
GOLDEN = "fcec876a4fd39c9e3b28ffe69c7d857583b6e122277799bdc40f3f0686b2ef56"


def n_frames(video: bytes) -> int:
    with av.open(io.BytesIO(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_bytes_are_those_of_every_machine() -> None:
    assert hashlib.sha256(render_video(PlannedVideo(THEFT, take=1), seed=7)).hexdigest() == GOLDEN


def test_same_seed_same_bytes_whatever_the_workers(shop: Path, tmp_path: Path) -> None:
    render_shop(tmp_path / "again", VIDEOS, SEED, quiet, workers=1)
    assert sha256_tree(tmp_path / "again") == sha256_tree(shop)


def test_other_seed_other_bytes(shop: Path) -> None:
    video = plan_shop(VIDEOS)[0]
    assert render_video(video, SEED) == (shop / video.name).read_bytes()
    assert render_video(video, SEED + 1) != (shop / video.name).read_bytes()


def test_layout_is_as_planned(shop: Path) -> None:
    plan = plan_shop(VIDEOS)
    files = {path.relative_to(shop).as_posix() for path in shop.rglob("*") if path.is_file()}
    assert files == {video.name for video in plan} | {"events.csv", MANIFEST}
    folders = {f"{camera}/{label}" for camera in ("cam1", "cam2") for label in LABELS}
    assert {Path(video.name).parent.as_posix() for video in plan} == folders


def test_every_video_but_the_broken_one_decodes_to_its_size_and_length(shop: Path) -> None:
    for video in plan_shop(VIDEOS):
        path = shop / video.name
        if video.truncated:
            with pytest.raises(av.FFmpegError):
                av.open(path)
            continue
        with av.open(path) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.average_rate) == (WIDTH, HEIGHT, FPS)
            frames = sum(1 for _ in container.decode(stream))
        assert SHORTEST <= frames <= LONGEST


def test_events_name_every_shoplifting_video_and_lie_inside_it(shop: Path) -> None:
    with (shop / "events.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["video"] for row in rows] == sorted(
        video.name for video in plan_shop(VIDEOS) if "/shoplifting/" in video.name
    )
    for row in rows:
        start, end = float(row["start_s"]), float(row["end_s"])
        assert 0 < start < end < n_frames((shop / row["video"]).read_bytes()) / FPS
        assert row["label"] == "shoplifting"


def test_copies_share_footage_and_parts_do_not() -> None:
    plan = {Path(video.name).stem.split("-")[0]: video for video in plan_shop(VIDEOS)}
    original, export, backup = (
        render_video(replace(plan["export"], name=plan["export"].name, qp=PlannedVideo.qp), SEED),
        render_video(plan["export"], SEED),
        render_video(plan["backup"], SEED),
    )
    assert len(export) < len(original) / 2
    assert mean_difference(original, export) < 6
    twin = replace(plan["backup"], name=plan["backup"].name.replace("backup", "any"))
    assert backup == render_video(twin, SEED)
    first, second = (render_video(part, SEED) for part in plan_shop(VIDEOS)[:2])
    assert first != second


def mean_difference(a: bytes, b: bytes) -> float:
    """Mean absolute difference of the luma of two videos of the same length, in steps of 255."""
    videos = []
    for video in (a, b):
        with av.open(io.BytesIO(video)) as container:
            frames = [frame.to_ndarray()[:HEIGHT] for frame in container.decode(video=0)]
        videos.append(np.stack(frames).astype(np.int16))
    return float(np.abs(videos[0] - videos[1]).mean())


@settings(deadline=None)
@given(st.integers(FEWEST, 400))
def test_plan_counts_and_traps(videos: int) -> None:
    plan = plan_shop(videos)
    playable = [video for video in plan if not video.truncated]
    assert len(playable) == videos == len(plan) - 1
    assert len({Path(video.name).stem for video in plan}) == len(plan)
    footage = Counter((video.take, video.part) for video in playable)
    qualities = Counter((video.take, video.part, video.qp) for video in playable)
    assert sum(n > 1 for n in qualities.values()) == 1  # one byte-identical copy
    assert sum(n > 1 for n in footage.values()) >= 2  # it, and the re-encoded ones
    parts = {video.take for video in playable if "_part" in video.name}
    assert all({0, 1} == {v.part for v in playable if v.take == take} for take in parts)
    thefts = sum(video.shoplifts for video in playable)
    assert abs(2 * thefts - videos) <= 0.1 * videos + 2


def test_parts_fit_the_recording_suffix_of_the_demo() -> None:
    suffix = load_params(ROOT / "params.yaml").split.recording_suffix
    stems = [Path(video.name).stem for video in plan_shop(240)]
    recordings = Counter(re.sub(suffix, "", stem) for stem in stems)
    assert max(recordings.values()) == 2
    assert sum(n == 2 for n in recordings.values()) == sum("_part1" in stem for stem in stems)


@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_both_classes_keep_the_same_time(seed: int, enters: bool, leaves: bool) -> None:
    """Length and times are drawn alike; what is done with one of the goods differs."""
    normal, theft = (
        perform(np.random.default_rng(seed), thief, GOODS, enters, leaves)
        for thief in (False, True)
    )
    assert SHORTEST <= len(normal.poses) == len(theft.poses) <= LONGEST
    assert normal.thefts == ()
    [(start, end)] = theft.thefts
    assert BRIEFEST <= end - start <= SLOWEST
    assert 0 < start < end <= len(theft.poses)
    stolen = [goods_at(theft.poses[at]) for at in (start, end - 1)]
    assert len(stolen[1]["coat"]) == len(stolen[0]["coat"]) + 1
    assert stolen[1]["coat"] - stolen[0]["coat"] <= stolen[0]["shelf"]


def goods_at(pose: ShopperPose) -> dict[str, set[int]]:
    """Return who has which goods."""
    return {
        who: {good for good, has in enumerate(pose.items) if has == who}
        for who in ("shelf", "hand", "basket", "coat")
    }


@given(st.integers(0, 2**32))
def test_a_customer_does_what_a_thief_does_the_other_way_round(seed: int) -> None:
    """Frame by frame, hand and goods: nothing but the order in time tells the two apart."""
    normal, theft = (
        perform(np.random.default_rng(seed), thief, GOODS, True, True) for thief in (False, True)
    )
    [(start, end)] = theft.thefts
    [stolen] = goods_at(theft.poses[end - 1])["coat"] - goods_at(theft.poses[start])["coat"]
    if normal.poses[0].items[stolen] != "coat":
        return  # bought it instead
    # The hand's way to the shelf, 2 to 5 frames, comes before the theft and is turned round, too.
    assert any(
        all(
            alike(theft.poses[frame], normal.poses[begun + end - 1 - frame])
            for frame in range(start, end)
        )
        for begun in range(start - 4, start)
    )


def alike(one: ShopperPose, other: ShopperPose) -> bool:
    """Tell whether two poses differ by no more than the sway of a hand."""
    apart = [abs(a - b) for a, b in zip(one.hand, other.hand, strict=True)]
    return one.items == other.items and max(apart) <= 2 * SUB


def test_a_long_recording_holds_all_that_a_camera_sees() -> None:
    """Empty minutes, two at once, thefts and customers, light that changes; no theft at 0."""
    shop = build_shop(np.random.default_rng(1), CAMERAS[0])
    footage = long_recording(shop, np.random.default_rng(2), 20 * 60 * FPS, thief_every=2)
    there = np.zeros(len(footage.gains), int)
    for shopper in footage.shoppers:
        there[shopper.first : shopper.end] += 1
    assert {0, 1, 2} == set(there.tolist())
    assert 0.2 < (there == 0).mean() < 0.7
    assert 3 <= len(footage.thefts()) < len(footage.shoppers) / 2
    ends = [0.0, *(end for _, end in footage.thefts())]
    assert all(end < start for end, (start, _) in zip(ends[:-1], footage.thefts(), strict=True))
    steps = np.abs(np.diff(footage.gains))
    assert steps.max() > 5
    assert (steps == 1).sum() > 10
    assert not long_recording(shop, np.random.default_rng(2), 20 * 60 * FPS, 0).thefts()


def test_normal_videos_have_no_event() -> None:
    assert events_of(PlannedVideo("cam1/normal/any.mp4", take=2), SEED) == []
