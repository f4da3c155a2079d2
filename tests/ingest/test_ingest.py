"""The ingest stage as a user runs it, and what a change of footage or parameters costs."""

import os
import signal
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from aislewatch.errors import FootageError
from aislewatch.files import sha256_tree
from aislewatch.frames.signatures import read_fingerprints
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import camera_and_label
from aislewatch.ingest.folder import IngestResult, ingest
from aislewatch.tables.ingest import FINGERPRINTS
from tests.footage_samples import (
    LIMITS,
    make_project,
    make_video,
    run_stage,
    start_stage,
    wait_until_gone,
)

OUTPUTS = (
    *("dataset/frames", "dataset/catalog.parquet", "quarantine.csv"),
    *("fingerprints/fingerprints.parquet", "fingerprints/picture_times.parquet"),
)


def nothing(done: int, total: int) -> None:
    """No progress shown."""


def make_shop(raw: Path, videos: int = 3) -> None:
    """A source ``shop`` with two cameras."""
    for number in range(videos):
        label = "shoplifting" if number % 2 else "normal"
        name = raw / "shop" / f"cam{number % 3}" / label / f"{number}.mp4"
        make_video(name, hue=10 * number)


def take_in(folder: Path, fps: int = 10, **limits) -> IngestResult:
    store = FrameStore(folder / "store", fps, 32)
    return ingest(folder / "raw", ["shop"], store, LIMITS.model_copy(update=limits), nothing)


def names(footage: IngestResult) -> list[str]:
    return [video.candidate.video for video in footage.accepted]


def reasons(footage: IngestResult) -> dict[str, str]:
    return {file.candidate.video: file.reason for file in footage.refused}


@pytest.fixture
def shop(tmp_path):
    make_shop(tmp_path / "raw")
    return tmp_path


def digest(project: Path) -> str:
    return sha256_tree(project / "data") + sha256_tree(project / "data/dataset/frames")


def test_the_stage_writes_its_five_outputs(tmp_path):
    project = make_project(tmp_path, "shop")
    make_shop(project / "data/raw")
    (project / "data/raw/shop/pointer.mp4").write_text("version https://git-lfs.github.com/spec/v1")
    (project / "data/raw/shop/events.csv").write_text("video,start_s,end_s,label\n")
    run = run_stage(project)
    assert run.returncode == 0, run.stderr
    assert "3 videos accepted (3 newly decoded), 1 files quarantined" in run.stdout
    told = "shop/pointer.mp4: not-a-video (it is a Git LFS pointer, not the video) -> run `git lfs"
    assert told in run.stdout
    catalog = pd.read_parquet(project / "data/dataset/catalog.parquet")
    assert list(catalog["video"]) == [
        "shop/cam0/normal/0.mp4",
        "shop/cam1/shoplifting/1.mp4",
        "shop/cam2/normal/2.mp4",
    ]
    assert list(catalog["camera"]) == ["shop/cam0", "shop/cam1", "shop/cam2"]
    assert list(catalog["label"]) == ["normal", "shoplifting", "normal"]
    assert set(catalog["source"]) == {"shop"}
    assert set(catalog["n_frames"]) == {10}
    assert set(zip(catalog["width"], catalog["height"], catalog["codec"], strict=True)) == {
        (96, 64, "h264")
    }
    for file in catalog["frames_file"]:
        assert (project / "data/dataset/frames" / file).stat().st_size == 10 * 32 * 32 * 3 // 2
    fingerprints = read_fingerprints(FINGERPRINTS.at(project / FINGERPRINTS.path))
    assert {video: one.rows_TR.shape for video, one in fingerprints.items()} == dict.fromkeys(
        catalog["video"], (8, 129)
    )
    assert {one.stills_SYX.shape for one in fingerprints.values()} == {(1, 16, 16)}
    rows = (project / "data/quarantine.csv").read_text().splitlines()
    assert rows[0] == "video,reason,detail,remedy"
    assert len(rows) == 2


def test_the_outputs_do_not_depend_on_place_time_or_workers(tmp_path):
    digests = set()
    for name, workers in (("a", 1), ("b b", 3)):
        project = make_project(tmp_path / name, "shop", workers=workers)
        make_shop(project / "data/raw")
        assert run_stage(project).returncode == 0
        digests.add(digest(project))
    assert len(digests) == 1


def test_a_killed_stage_goes_on_where_it_was(tmp_path):
    """SIGKILL after the second video: the rest is decoded, the result is that of one run."""
    whole = make_project(tmp_path / "whole", "shop", workers=1)
    make_shop(whole / "data/raw", 6)
    assert run_stage(whole).returncode == 0
    killed = make_project(tmp_path / "killed", "shop", workers=1)
    make_shop(killed / "data/raw", 6)
    store = killed / ".aislewatch/store"
    stage = start_stage(killed)
    while len(list(store.glob("*.json"))) < 2:
        assert stage.poll() is None, "it finished before it could be killed"
        time.sleep(0.002)
    family = [process.pid for process in psutil.Process(stage.pid).children(recursive=True)]
    stage.kill()
    stage.communicate()
    wait_until_gone(family)
    assert not (killed / "data/dataset/catalog.parquet").exists()
    run = run_stage(killed)
    decoded = int(run.stdout.split("(")[1].split()[0])
    assert 0 < decoded <= 4
    assert digest(killed) == digest(whole)
    left = [path.name for path in store.iterdir() if path.suffix not in (".yuv", ".npy", ".json")]
    assert left == []


def test_one_more_video_decodes_one_file(shop):
    assert take_in(shop).decoded == 3
    make_video(shop / "raw/shop/new.mp4", hue=200)
    footage = take_in(shop)
    assert (len(footage.accepted), footage.decoded) == (4, 1)


def test_renaming_removing_and_going_back_decode_nothing(shop):
    take_in(shop)
    (shop / "raw/shop/cam0/normal/0.mp4").rename(shop / "raw/shop/cam0/normal/renamed.mp4")
    (shop / "raw/shop/cam2/normal/2.mp4").unlink()
    footage = take_in(shop)
    assert names(footage) == ["shop/cam0/normal/renamed.mp4", "shop/cam1/shoplifting/1.mp4"]
    assert footage.decoded == 0
    assert take_in(shop, fps=5).decoded == 2
    assert take_in(shop, fps=10).decoded == 0
    assert take_in(shop, fps=5).decoded == 0


def test_copies_of_a_video_are_decoded_once(shop):
    original = shop / "raw/shop/cam0/normal/0.mp4"
    for number in range(4):
        (shop / f"raw/shop/copy{number}.mp4").write_bytes(original.read_bytes())
    footage = take_in(shop)
    assert (len(footage.accepted), footage.decoded) == (7, 3)
    assert len({video.stored.frames_file for video in footage.accepted}) == 3


def test_a_lower_limit_refuses_what_was_stored_before(shop):
    take_in(shop)
    make_video(shop / "raw/shop/short.mp4", seconds=0.4)
    footage = take_in(shop, max_duration_s=0.5)
    assert names(footage) == ["shop/short.mp4"]
    assert set(reasons(footage).values()) == {"too-long"}


def test_what_is_no_regular_file_inside_the_source_is_refused(shop, tmp_path):
    source = shop / "raw/shop"
    elsewhere = make_video(tmp_path / "elsewhere/secret.mp4", hue=99)
    (source / "link.mp4").symlink_to(elsewhere)
    (source / "folder").symlink_to(elsewhere.parent)
    os.mkfifo(source / "pipe.mp4")
    (source / ".hidden.mp4").write_bytes(b"x")
    (source / "notes.TXT").write_text("x")
    (Path(os.fsdecode(os.fsencode(source) + b"/\xff.mp4"))).write_bytes(b"x")
    footage = take_in(shop)
    assert len(footage.accepted) == 3
    assert reasons(footage) == {
        "shop/folder": "symlink",
        "shop/link.mp4": "symlink",
        "shop/pipe.mp4": "not-a-regular-file",
        "shop/\udcff.mp4": "unreadable",
    }


def decode_by(monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    monkeypatch.setattr("aislewatch.ingest.decoder.DECODE_JOB", f"tests.sandbox_jobs:{job}")


def test_a_hanging_decoder_is_killed_with_its_children(shop, monkeypatch):
    make_video(shop / "raw/shop/only.mp4", hue=77)
    take_in(shop)
    hangs = make_video(shop / "raw/shop/hangs.mp4", hue=78)
    decode_by(monkeypatch, "hang_beside_the_video")
    footage = take_in(shop, timeout_s=1.0)
    assert len(footage.accepted) == 4
    assert reasons(footage) == {"shop/hangs.mp4": "timeout"}
    wait_until_gone([int(pid) for pid in hangs.with_suffix(".txt").read_text().split()])


HANGING_STAGE = """
from aislewatch.ingest import decoder
from stages import ingest
decoder.DECODE_JOB = "tests.sandbox_jobs:hang_beside_the_video"
ingest.main()
"""


def test_ctrl_c_ends_everything_at_once(tmp_path):
    project = make_project(tmp_path / "project", "shop", workers=2)
    make_shop(project / "data/raw")
    stage = start_stage(project, ["-c", HANGING_STAGE])
    while len(list(project.rglob("*.txt"))) < 2:
        assert stage.poll() is None
        time.sleep(0.02)
    family = [process.pid for process in psutil.Process(stage.pid).children(recursive=True)]
    stage.send_signal(signal.SIGINT)
    stage.communicate(timeout=20)
    assert stage.returncode != 0
    wait_until_gone(family)
    assert list((project / ".aislewatch/store").iterdir()) == []


def test_a_crashing_decoder_does_not_stop_the_others(shop, monkeypatch):
    take_in(shop)
    make_video(shop / "raw/shop/bad.mp4", hue=78)
    decode_by(monkeypatch, "segfault")
    footage = take_in(shop)
    assert len(footage.accepted) == 3
    [refused] = footage.refused
    assert (refused.reason, refused.detail) == (
        *("crashed", "the decoder ended by signal SIGSEGV"),
    )


def test_another_decoder_decodes_anew(shop, monkeypatch):
    """Another version of ffmpeg's libraries may give other frames or other times."""
    assert take_in(shop).decoded == 3
    monkeypatch.setattr("aislewatch.ingest.intake.DECODED_BY", "ffmpeg99.9_av99.0.0")
    assert take_in(shop).decoded == 3
    assert take_in(shop).decoded == 0


def test_a_missing_source_is_named_with_what_there_is(tmp_path):
    project = make_project(tmp_path, "shpo")
    make_shop(project / "data/raw", 1)
    run = run_stage(project)
    assert run.returncode == 1
    assert "source 'shpo' is no folder in data/raw (it holds shop)" in run.stderr
    assert "Traceback" not in run.stderr


def test_no_usable_video_is_an_error_and_leaves_earlier_results(tmp_path):
    project = make_project(tmp_path, "shop")
    make_shop(project / "data/raw", 1)
    assert run_stage(project).returncode == 0
    before = {name: (project / "data" / name).stat().st_ino for name in OUTPUTS}
    [video] = (project / "data/raw").rglob("*.mp4")
    video.write_bytes(b"")
    run = run_stage(project)
    assert run.returncode == 1
    assert "none of 1 file(s) in data/raw/shop could be used (1 empty)" in run.stderr
    assert {name: (project / "data" / name).stat().st_ino for name in OUTPUTS} == before


def test_an_empty_source_is_an_error(tmp_path):
    (tmp_path / "raw/shop").mkdir(parents=True)
    with pytest.raises(FootageError, match=r"no video in .*raw/shop; put footage there"):
        take_in(tmp_path)


@pytest.mark.parametrize(
    ("video", "camera", "label"),
    [
        ("synthetic/cam1/shoplifting/a.mp4", "synthetic/cam1", "shoplifting"),
        ("shop/normal/a.mp4", "shop", "normal"),
        ("shop/a.mp4", "shop", "unlabeled"),
        ("shop/normal/day2/a.mp4", "shop/day2", "normal"),
        ("shop/Shoplifting/a.mp4", "shop", "shoplifting"),
        ("shop/NORMAL/day2/a.mp4", "shop/day2", "normal"),
        ("shop/Shop lifters/a.mp4", "shop", "shoplifting"),
        ("shop/non shop lifters/a.mp4", "shop", "normal"),
        ("shop/No-Shoplifting/a.mp4", "shop", "normal"),
        ("ucf/Training_Normal_Videos_Anomaly/a.mp4", "ucf", "normal"),
        ("ucf/Normal_Videos_event/a.mp4", "ucf", "normal"),
        ("ucf/Stealing/a.mp4", "ucf/Stealing", "unlabeled"),
        ("shop/Abnormal/a.mp4", "shop/Abnormal", "unlabeled"),
        ("shop/till/Unlabeled/a.mp4", "shop/till", "unlabeled"),
        ("shop/1/a.mp4", "shop/1", "unlabeled"),
        ("shop/shoplifting.mp4", "shop", "unlabeled"),
        ("shop/normal/shoplifting/a.mp4", "shop", "shoplifting"),
    ],
)
def test_folders_say_camera_and_label(video, camera, label):
    assert camera_and_label(video) == (camera, label)
