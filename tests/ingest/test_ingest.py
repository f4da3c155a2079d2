"""What a change of footage or parameters costs, and what a decoder that hangs or crashes does."""

import os
from pathlib import Path

import pytest

from aislewatch.errors import FootageError
from aislewatch.frames.class_folders import camera_and_label
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.folder import IngestResult, ingest
from tests.footage_samples import (
    LIMITS,
    make_video,
    wait_until_gone,
)
from tests.ingest.shops import make_shop


def nothing(done: int, total: int) -> None:
    """No progress shown."""


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
    footage = take_in(shop, timeout_s=5.0)
    assert len(footage.accepted) == 4
    assert reasons(footage) == {"shop/hangs.mp4": "timeout"}
    wait_until_gone([int(pid) for pid in hangs.with_suffix(".txt").read_text().split()])


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
