"""The ingest stage as a user runs it: its outputs, killed, stopped, without footage."""

import signal
import time
from pathlib import Path

import pandas as pd
import psutil

from aislewatch.files import sha256_tree
from aislewatch.frames.signatures import read_fingerprints
from aislewatch.tables.ingest import FINGERPRINTS
from tests.footage_samples import (
    make_project,
    run_stage,
    start_stage,
    wait_until_gone,
)
from tests.ingest.shops import make_shop

OUTPUTS = (
    *("dataset/frames", "dataset/catalog.parquet", "quarantine.csv"),
    *("fingerprints/fingerprints.parquet", "fingerprints/picture_times.parquet"),
)


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
    stage.communicate(timeout=120)
    assert stage.returncode != 0
    wait_until_gone(family)
    assert list((project / ".aislewatch/store").iterdir()) == []


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
