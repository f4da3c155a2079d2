"""The synthetic shop: same bytes everywhere, labels that fit, planted traps, whole or resumed."""

import csv
import hashlib
import io
import re
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.config.params import load_params
from aislewatch.files import sha256_tree
from aislewatch.synth.choreography import FPS, LONGEST, SHORTEST, perform
from aislewatch.synth.raster import SUB
from aislewatch.synth.scene import HEIGHT, WIDTH
from aislewatch.synth.shop import MANIFEST, render_shop
from aislewatch.synth.takes import FEWEST, PlannedVideo, event_of, plan_shop, render_video
from tests.synth.rendering import SEED, VIDEOS, quiet

ROOT = Path(__file__).parents[2]


LABELS = ("normal", "shoplifting")


# A point of the shelves as a shopper sees it.
SHELF = (66 * SUB, -110 * SUB)


# sha256 of seed 7's take 1: what every x86 machine with the pinned wheels must render. Whoever
# changes it on purpose raises RENDERING too.
GOLDEN = "8296feb961be1b315baa18f29aa24e9610b87cbc34a8218982925dc341ed2f43"


def n_frames(video: bytes) -> int:
    with av.open(io.BytesIO(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_bytes_are_those_of_every_machine() -> None:
    assert (
        hashlib.sha256(render_video(PlannedVideo("any name", take=1), seed=7)).hexdigest() == GOLDEN
    )


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
        render_video(PlannedVideo("o", plan["export"].take), SEED),
        render_video(plan["export"], SEED),
        render_video(plan["backup"], SEED),
    )
    assert len(export) < len(original) / 2
    assert mean_difference(original, export) < 4
    assert backup == render_video(PlannedVideo("any", plan["backup"].take), SEED)
    first, second = (render_video(PlannedVideo("p", 0, part), SEED) for part in (0, 1))
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


@given(st.integers(0, 2**32), st.booleans())
def test_both_classes_keep_the_same_time(seed: int, may_walk_in: bool) -> None:
    """Length, event and times are drawn alike; only the place of the item differs."""
    acts = [perform(np.random.default_rng(seed), c, SHELF, may_walk_in) for c in (False, True)]
    normal, theft = acts
    assert (normal.start, normal.end) == (theft.start, theft.end)
    assert SHORTEST <= len(normal.poses) == len(theft.poses) <= LONGEST
    assert 12 <= normal.end - normal.start <= 20
    assert {pose.item for pose in normal.poses} == {"shelf", "hand", "basket"}
    assert {pose.item for pose in theft.poses} == {"shelf", "hand", "coat"}
    assert [p.item == "hand" for p in normal.poses] == [p.item == "hand" for p in theft.poses]
    carried = [i for i, pose in enumerate(theft.poses) if pose.item == "hand"]
    assert theft.start <= min(carried)
    assert max(carried) < theft.end < len(theft.poses)


def test_normal_videos_have_no_event() -> None:
    assert event_of(PlannedVideo("any", take=2), SEED) is None
