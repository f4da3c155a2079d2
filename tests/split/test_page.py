"""The split's page: the gap that clips at random would hide, and pictures of the nearest pairs."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aislewatch.errors import FootageError
from aislewatch.frames.stills import jpeg
from aislewatch.models.input import to_rgb
from aislewatch.split.groups import bridge_table
from aislewatch.split.leaks import find_leaks, leak_report
from aislewatch.split.page import Store, write_page
from aislewatch.split.reference import Gap, reference_gap
from tests.page_visits import fits, from_outside, visited, widths_of_pictures
from tests.split_tables import SUFFIX, SplitTables, clips_of, divide, pairs_of, videos_of

SIZE, SPAN, FPS = 32, 16, 10
GROUPS = 40
STARTS = range(0, 25, 4)


def write_frames(folder: Path, look: np.ndarray, moves: np.ndarray) -> pd.DataFrame:
    """A video of 40 frames a group: its own colours, and a square that moves or does not."""
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for group in range(GROUPS):
        frames = np.repeat(look[group][None], 40, axis=0)
        for t in range(40):
            x = (t if moves[group] else 8) % (SIZE - 8)
            frames[t, 8:16, x : x + 8] = 230
        noise = random.integers(-3, 4, frames.shape)
        (frames + noise).clip(16, 235).astype(np.uint8).tofile(folder / f"v{group}.yuv")
        rows += [(f"s/v{group}.mp4", f"v{group}.yuv", start, f"g{group}") for start in STARTS]
    table = pd.DataFrame(rows, columns=["video", "frames_file", "start", "group"])
    return table.assign(
        split=np.repeat(["train", "val", "test"], np.array([28, 6, 6]) * len(STARTS))
    )


def looks() -> np.ndarray:
    """A picture of its own for each group: uint8 (G, 3/2 SIZE, SIZE)."""
    coarse = np.random.default_rng(1).integers(40, 200, (GROUPS, 12, 8))
    return coarse.repeat(SIZE // 8, axis=1).repeat(SIZE // 8, axis=2)


def gap_of(splits: pd.DataFrame, frames: Path) -> Gap:
    gap = reference_gap(splits, frames, SIZE, SPAN, (0.7, 0.15))
    assert gap is not None
    return gap


def test_a_model_that_recognises_footage_shows_a_gap(tmp_path: Path) -> None:
    """Labels say nothing but which group it is: nothing can be learned for other groups."""
    labels = np.random.default_rng(2).integers(0, 2, GROUPS)
    splits = write_frames(tmp_path / "frames", looks(), np.zeros(GROUPS, bool))
    gap = gap_of(splits.assign(label=labels.repeat(len(STARTS))), tmp_path / "frames")
    assert gap.clips == 280
    assert gap.clips_at_random.accuracy > 0.8
    assert gap.groups_at_random.accuracy < 0.7
    assert gap.points > 25


def test_what_holds_for_new_footage_shows_none(tmp_path: Path) -> None:
    """Labels say whether something moves."""
    moves = np.random.default_rng(2).integers(0, 2, GROUPS).astype(bool)
    splits = write_frames(tmp_path / "frames", looks() * 0 + 90, moves)
    gap = gap_of(splits.assign(label=moves.astype(int).repeat(len(STARTS))), tmp_path / "frames")
    assert abs(gap.points) < 3
    assert gap.this_split.accuracy > 0.97
    assert gap.this_split.accuracy_spread == 0


def test_too_little_footage_gives_no_figure(tmp_path: Path) -> None:
    splits = write_frames(tmp_path / "frames", looks(), np.zeros(GROUPS, bool))
    few = splits.head(3).assign(label=[0, 1, 1])
    assert reference_gap(few, tmp_path / "frames", SIZE, SPAN, (0.7, 0.15)) is None


def test_a_still_looks_as_the_networks_see_it(tmp_path: Path) -> None:
    yuv = np.empty((2, SIZE * 3 // 2, SIZE), np.uint8)
    yuv[0] = 0
    yuv[1, :SIZE], yuv[1, SIZE : SIZE + 8], yuv[1, SIZE + 8 :] = 120, 100, 180
    yuv.tofile(tmp_path / "v.yuv")
    picture = Image.open(io.BytesIO(jpeg(tmp_path, "v.yuv", 1, SIZE)))
    assert picture.size == (SIZE, SIZE)
    torch = pytest.importorskip("torch")
    planes = (torch.full((1, 1, 2, 2), float(value)) for value in (120, 100, 180))
    expected = 255 * to_rgb(*planes)[0, 0, :, 0, 0].clamp(0, 1).numpy()
    assert np.abs(np.asarray(picture.convert("RGB")) - expected).max() <= 4
    with pytest.raises(FootageError, match=r"v\.yuv"):
        jpeg(tmp_path, "v.yuv", 2, SIZE)


def test_the_page_needs_nothing_from_outside_and_shows_the_pairs(
    tmp_path: Path, chromium: str
) -> None:
    splits = write_frames(tmp_path / "frames", looks(), np.zeros(GROUPS, bool))
    names = sorted(set(splits["video"]))
    videos = videos_of([*names, "s/v0_part1.mp4"]).assign(
        n_frames=40, stretches="0@0", store_fps=10
    )
    videos["frames_file"] = videos["video"].str.removeprefix("s/").str.replace("mp4", "yuv")
    videos["camera"] = "<b>till & door</b>"
    pair = pairs_of([(a, b, 0.2) for a in names[:4] for b in names[4:]])
    tables = SplitTables(
        videos, pair, clips_of(dict.fromkeys(names, (2, 1))).assign(frames_file="")
    )
    divided = divide(tables)
    files = dict(zip(videos["video"], videos["frames_file"], strict=True))
    made = divided.division.splits
    made["frames_file"] = made["video"].map(files)
    leaks = find_leaks(made, videos, pair, SUFFIX)
    report = leak_report(divided.division, videos, pair, divided.grouping, leaks)
    bridges = bridge_table(divided.grouping, divided.fixed, divided.ties, made)
    bridges.loc[0] = ["s/tie.mp4", "copy of s/v1.mp4 (test); copy of s/v2.mp4 (train)"]
    gap = gap_of(made, tmp_path / "frames")
    page = tmp_path / "index.html"
    store = Store(tmp_path / "frames", FPS, SIZE)
    write_page(page, report, made, videos, pair, bridges, gap, store)
    assert re.findall(r"https?:|<script|url\(|@import|None|nan", page.read_text()) == []
    with visited(page, chromium) as (tab, asked):
        widths = widths_of_pictures(tab)
        words = tab.inner_text("main")
        assert fits(tab)
    shown = report["nearest_across_sides"]
    assert widths == [SIZE] * 6 * len(shown)
    assert 0 < len(shown) <= 12
    assert from_outside(asked) == []
    for said in (f"{shown[0]['side_a']}: {shown[0]['a']}", "<b>till & door</b>", "s/tie.mp4"):
        assert said in words
    assert "1 of 1 cameras are on several sides; 100 % of test clips" in words
