"""The synthetic shop in a folder that holds something: kept, completed, replaced or refused."""

import json
import shutil
from pathlib import Path

import pytest

from aislewatch.errors import FootageError
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.synth.shop import MANIFEST, render_shop
from aislewatch.synth.takes import FEWEST, plan_shop, render_video
from tests.synth.rendering import SEED, VIDEOS, render


def test_second_call_touches_nothing(shop: Path) -> None:
    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in [shop, *shop.rglob("*")]}

    before = state()
    render(shop)
    assert state() == before


def test_interrupted_rendering_is_completed(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_shop(folder, VIDEOS, SEED, stop, workers=1)
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*.mp4")}
    assert 3 <= len(kept) < len(plan_shop(VIDEOS))
    (next(iter(kept)).parent / ".take-0001.mp4.x1.tmp").write_bytes(b"left by a killed process")
    render(folder)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert sha256_tree(folder) == sha256_tree(shop)


def test_damaged_file_is_rendered_again(shop: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shop, tmp_path / "shop"))
    video = folder / plan_shop(VIDEOS)[0].name
    video.write_bytes(video.read_bytes()[:100])
    render(folder)
    assert sha256_tree(folder) == sha256_tree(shop)


def test_other_set_replaces_ours_and_leaves_what_is_not(shop: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shop, tmp_path / "shop"))
    note = folder / "note.txt"
    note.write_text("mine")
    render(folder, videos=VIDEOS + 1)
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*.mp4")}
    assert left == {video.name for video in plan_shop(VIDEOS + 1)}
    assert json.loads((folder / MANIFEST).read_text())["videos"] == VIDEOS + 1
    assert note.read_text() == "mine"
    again = plan_shop(VIDEOS + 1)[-1]
    assert (folder / again.name).read_bytes() == render_video(again, SEED)


def test_manifest_holds_what_is_there(shop: Path) -> None:
    manifest = json.loads((shop / MANIFEST).read_text())
    assert (manifest["seed"], manifest["videos"]) == (SEED, VIDEOS)
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == sha256_file(shop / name)
        assert entry["bytes"] == (shop / name).stat().st_size


def test_folder_with_other_files_is_refused_and_left(tmp_path: Path) -> None:
    (tmp_path / "mine.mp4").write_bytes(b"footage")
    with pytest.raises(FootageError, match="empty folder"):
        render(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.mp4"]


@pytest.mark.parametrize(
    ("videos", "seed", "words"), [(FEWEST - 1, 0, "at least 10"), (FEWEST, -1, "from 0 up")]
)
def test_impossible_wishes_are_refused(videos: int, seed: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(FootageError, match=words):
        render(tmp_path / "shop", videos, seed)
    assert not (tmp_path / "shop").exists()


def test_corrupt_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(FootageError, match="corrupt"):
        render(tmp_path)
