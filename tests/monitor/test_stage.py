"""New footage against the project's own, by real ingest; the page in a real browser."""

import json
import re
from pathlib import Path

import pytest

from aislewatch.config.params import Params, load_params
from aislewatch.errors import FootageError
from aislewatch.ingest.stage import work as ingest
from aislewatch.monitor.footage import NewFootage
from aislewatch.monitor.found import Monitored
from aislewatch.monitor.stage import monitor
from aislewatch.tracking.journal import Journal
from tests.code_closure import ROOT
from tests.monitor import scenes
from tests.monitor.scenes import Picture, seen
from tests.page_visits import fits, from_outside, visited, widths_of_pictures

# Videos of each camera, old and new; a block is one of them.
VIDEOS, SECONDS = 10, 6


def as_it_is(right: int) -> scenes.Spoil:
    return lambda room, _: seen(room, right)


def dimmed(room: Picture, _: int) -> Picture:
    """Switch every second lamp off."""
    return seen(room) // 3 * 2


def turned(room: Picture, _: int) -> Picture:
    return seen(room[::-1], 40)


def write(folder: Path, spoil: scenes.Spoil, seed: int, videos: int = VIDEOS) -> None:
    folder.mkdir(parents=True)
    for number in range(videos):
        film = scenes.frames(SECONDS, spoil, seed + number)
        scenes.write(folder / f"{number:02}.mp4", film)


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    """Three cameras, ingested: till, door and aisle; and new footage of them."""
    root = tmp_path_factory.mktemp("project")
    cameras = {"till": as_it_is(0), "door": as_it_is(40), "aisle": as_it_is(20)}
    for number, (name, spoil) in enumerate(cameras.items()):
        write(root / "data/raw/shop" / name, spoil, 100 * number)
    now = {"till": dimmed, "door": as_it_is(40), "aisle": turned}
    for number, (name, spoil) in enumerate(now.items()):
        write(
            root / "new/shop" / name, spoil, 1000 + 100 * number, 5 if name == "aisle" else VIDEOS
        )
    (root / "new/shop/door/broken.mp4").write_bytes(b"no video")
    params = load_params(ROOT / "params.yaml")
    changed = {
        "sources": {"shop": "folder"},
        "frames": params.frames.model_copy(update={"size": 64, "fps": 4}),
    }
    params = params.model_copy(update=changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        ingest(params, Journal(root / "journal.jsonl"))
    return root, params


@pytest.fixture(scope="module")
def found(project: tuple[Path, Params]) -> Monitored:
    root, params = project
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return monitor(NewFootage.of(root / "new"), params, None, quiet)


def test_drift_of_light_at_one_camera_is_found_and_named(found: Monitored) -> None:
    named = {(shift.camera, shift.figure) for shift in found.drift.drifted}
    assert ("shop/till", "light") in named
    assert {camera for camera, _ in named} == {"shop/till"}
    assert "light of camera shop/till fell from " in found.why
    assert found.series()["drift"] == 1
    assert found.series()["shop/till/light"] < found.series()["shop/door/light"]


def test_a_camera_that_was_turned_is_named_though_its_footage_is_too_little(
    found: Monitored,
) -> None:
    faults = {(seen.camera, str(seen.notice.fault)) for seen in found.faults}
    assert faults == {("shop/aisle", "moved")}
    assert any("shop/aisle: 10 blocks of reference and 5 new" in w for w in found.drift.unjudged)
    assert "camera shop/aisle is moved" in found.why


def test_a_broken_video_and_missing_scores_are_told(found: Monitored) -> None:
    assert any("broken.mp4" in note for note in found.notes)
    assert any(note.startswith("scores and alerts were not compared") for note in found.notes)


def test_the_decision_lies_where_retraining_reads_it(
    project: tuple[Path, Params], found: Monitored
) -> None:
    decision = json.loads((project[0] / "monitor/drift.json").read_text())
    assert decision == {
        "drift": True,
        "why": found.why,
        "at": found.at.isoformat(timespec="seconds"),
        "faults": ["shop/aisle: moved"],
    }
    assert {file.name for file in (project[0] / "monitor").iterdir()} == {
        *("drift.json", "hours.csv", "index.html"),
    }


def test_the_same_footage_has_not_drifted_even_where_ingest_knows_it(
    project: tuple[Path, Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference is all but the folder: of aisle nothing is left."""
    root, params = project
    monkeypatch.chdir(root)
    again = monitor(NewFootage.of(root / "data/raw/shop/aisle"), params, None, quiet, root / "out")
    assert not again.drift.drifted
    assert not again.faults
    assert again.why.startswith("too little footage to say")


@pytest.mark.parametrize(("folder", "words"), [("nowhere", "is no folder"), ("data", "no video")])
def test_a_folder_without_footage_is_refused(folder: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(FootageError, match=words):
        NewFootage.of(tmp_path / folder)


def test_the_page_needs_nothing_from_outside_and_shows_what_changed(
    project: tuple[Path, Params], found: Monitored, chromium: str
) -> None:
    page = project[0] / "monitor/index.html"
    assert re.findall(r"https?:|<script|url\(|@import|\bnan\b|None", page.read_text()) == []
    with visited(page, chromium) as (tab, asked):
        widths = widths_of_pictures(tab)
        words = tab.inner_text("main")
        points = tab.locator("circle").count()
        assert fits(tab)
        tab.screenshot(path=str(project[0] / "page.png"), full_page=True)
    # A fault, and two cameras before and now.
    assert len(found.faults) == 5
    assert widths == [64] * 5
    assert points == 2 * VIDEOS * len(found.drift.drifted)
    assert from_outside(asked) == []
    for said in (
        "The footage has drifted",
        "shop/aisle",
        "moved: the view agrees",
        "(5 times in all)",
        "broken.mp4",
    ):
        assert said in words
