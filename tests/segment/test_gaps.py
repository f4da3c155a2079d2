"""A hole in a recording, from the film to the clips: catalogued, shown, crossed by nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislewatch.check.preview import check_source
from aislewatch.config.params import load_params
from stages import ingest, validate
from tests.footage_stages import run_stages
from tests.numbered_films import write_film

# Pictures from 0 to 6 s and from 66 to 72 s; number 150 is the first behind the hole.
PART_MS = range(0, 6000, 40)
HOLE = [*PART_MS, *(66_000 + time_ms for time_ms in PART_MS)]
NOTICE = "it has no pictures from 0:06.0 to 1:06.0"


def make_shop(folder: Path, *events: str) -> Path:
    """A shop with one recording that paused, and events of it by a player's clock."""
    write_film(folder / "data/raw/shop/shoplifting/a.mp4", HOLE)
    lines = "".join(f"a.mp4,{event},shoplifting\n" for event in events)
    (folder / "data/raw/shop/events.csv").write_text("video,start_s,end_s,label\n" + lines)
    return folder


def said_by_check(folder: Path) -> str:
    params = load_params(folder / "params.yaml")
    return check_source(folder / "data/raw", "shop", params, lambda done, total: None).report


def test_no_clip_crosses_a_gap_and_everybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path, "67,69", "5.0,66.5")
    run_stages(shop, {"shop": "folder"}, monkeypatch)
    [row] = pd.read_parquet("data/dataset/catalog.parquet").to_dict("records")
    assert (row["n_frames"], row["stretches"]) == (120, "0@0 60@660")
    assert (row["duration_s"], row["end_s"]) == (12.0, 72.0)
    assert row["notices"].startswith(NOTICE)
    assert NOTICE in Path("data/validation.csv").read_text()
    assert NOTICE in said_by_check(shop)
    clips = pd.read_parquet("data/clips.parquet").set_index("start")["label"]
    # 16 frames a clip: none begins in the last 15 before the gap, which is before frame 60.
    assert not np.isin(clips.index, range(45, 60)).any()
    # What an event covers on both sides of a gap is of it on both.
    assert (clips[[0, 24]] == 0).all()
    assert (clips[[68, 76]] == 1).all()


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ("10,20", "the video has no picture between 10 and 20 s"),
        ("6,66", "the video has no picture between 6 and 66 s"),
        ("5.9,30", "the video has pictures for 0.1 s only between 5.9 and 30 s"),
    ],
)
def test_an_event_that_no_picture_shows_is_told_with_its_row(
    event: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path, "67,69", event)
    run_stages(shop, {"shop": "folder"}, monkeypatch, [ingest])
    place = "events.csv line 3 [shop/shoplifting/a.mp4]: "
    remedy = " -> correct the times, which must be those of a player, or remove the row"
    with pytest.raises(SystemExit, match="1 problem") as stopped:
        validate.main()
    assert place + fault + remedy in str(stopped.value)
    report = pd.read_csv("reports/validation.csv").set_index("rule").loc["no_pictures"]
    assert (report["row"], report["problem"]) == (3, fault)
    assert place + fault + remedy in said_by_check(shop)


def test_an_event_of_the_shortest_length_before_a_gap_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path, "67,69", "5.7,30")
    run_stages(shop, {"shop": "folder"}, monkeypatch, [ingest, validate])
    events = pd.read_parquet("data/labels/annotations.parquet")[["start_s", "end_s"]]
    assert [5.7, 30.0] in events.to_numpy().tolist()
