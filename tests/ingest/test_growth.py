"""What the footage's growth and a kill leave behind, under DVC and at every rename of the stage."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import stages.ingest
from aislewatch.files import sha256_tree
from tests import footage_samples
from tests.footage_samples import make_video
from tests.projects import environment, make_project, set_params
from tests.tiny_clips import run_stage_in

# Renames while two videos are taken in: three files of each, data/dataset/frames, three tables.
RENAMES = 10


def repro(project: Path) -> str:
    """Bring ``ingest`` up to date, as part of an execution that nobody records; its output."""
    execution = project / ".aislewatch/runs/test"
    execution.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        ["dvc", "repro", "ingest"],
        cwd=project,
        env=environment(AISLEWATCH_EXECUTION=str(execution)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def frames(project: Path) -> set[str]:
    return {file.name for file in (project / "data/dataset/frames").iterdir()}


def test_footage_grows_shrinks_and_changes_under_dvc(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", {"shop": "folder"})
    shop = project / "data/raw/shop"
    for number in range(3):
        make_video(shop / f"{number}.mp4", hue=20 * number)
    assert "3 videos accepted (3 newly decoded)" in repro(project)
    for name in frames(project):
        stored, shown = project / ".aislewatch/store" / name, project / "data/dataset/frames" / name
        assert shown.samefile(stored)
        assert shown.stat().st_nlink == 3, (
            "the store, data/dataset/frames and DVC's cache are one file"
        )
    make_video(shop / "3.mp4", hue=70)
    assert "4 videos accepted (1 newly decoded)" in repro(project)
    before = frames(project)

    (shop / "0.mp4").unlink()
    (shop / "1.mp4").rename(shop / "renamed.mp4")
    assert "3 videos accepted (0 newly decoded)" in repro(project)
    assert len(before - frames(project)) == 1, "the removed video's"
    assert not frames(project) - before
    catalog = pd.read_parquet(project / "data/dataset/catalog.parquet")
    assert list(catalog["video"]) == ["shop/2.mp4", "shop/3.mp4", "shop/renamed.mp4"]
    assert set(catalog["frames_file"]) == frames(project)
    at_10 = sha256_tree(project / "data/dataset/frames")

    set_params(project, {"frames": {"fps": 5}})
    assert "3 videos accepted (3 newly decoded)" in repro(project)
    assert len(frames(project)) == 3
    assert all("-5fps-" in name for name in frames(project)), "nothing stale"
    set_params(project, {"frames": {"fps": 10}})
    assert "newly decoded" not in repro(project).replace("(0 newly decoded)", "")
    assert sha256_tree(project / "data/dataset/frames") == at_10


def kill_at_rename(project: Path, number: int) -> None:
    """Run the stage in a child that is killed by SIGKILL just before its n-th rename, from 1."""
    pid = os.fork()
    if pid == 0:
        seen = 0

        def count(event: str, _: tuple[object, ...]) -> None:
            nonlocal seen
            if event == "os.rename":
                seen += 1
                if seen == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            run_stage_in(project, stages.ingest)
        finally:
            # Whatever happened, this is no second pytest.
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"there is no {number}th rename"


def make_two(folder: Path) -> Path:
    project = footage_samples.make_project(folder, "shop", workers=1)
    for number in range(2):
        make_video(project / f"data/raw/shop/{number}.mp4", hue=20 * number)
    (project / "runs").mkdir()
    return project


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of what one ingest leaves that nobody disturbs."""
    project = make_two(tmp_path_factory.mktemp("whole") / "project")
    run_stage_in(project, stages.ingest)
    return digests(project)


def digests(project: Path) -> dict[str, str]:
    return {name: sha256_tree(project / name) for name in ("data", ".aislewatch/store")}


@pytest.mark.parametrize("number", range(1, RENAMES + 1))
def test_killed_before_any_rename_the_next_run_ends_as_an_undisturbed_one(
    tmp_path: Path, whole: dict[str, str], number: int
) -> None:
    project = make_two(tmp_path / "project")
    kill_at_rename(project, number)
    run_stage_in(project, stages.ingest)
    assert digests(project) == whole
