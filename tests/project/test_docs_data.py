"""docs/data.md: the example of every layout is read without a problem, and says how to check it."""

import re
from pathlib import Path
from typing import get_args

import pytest

from aislewatch.config.data import Layout
from aislewatch.labels.checks import Limits
from aislewatch.labels.layouts import read_source
from tests.code_closure import ROOT
from tests.even_videos import even_video

# Where the example's labels go, and the source's videos.
EXAMPLES = {
    "folder": ("myshop", "events.csv", ("till/shoplifting/tuesday-1412.mp4",)),
    "table": ("tills", "labels.csv", ("till/tuesday-1412.mp4", "till/tuesday-1530.mp4")),
    "cvat": ("door", "labels/monday.xml", ("monday.mp4", "tuesday.mp4")),
    "label_studio": ("aisle", "project-3.json", ("cam2/monday.mp4",)),
    "ucf_crime": (
        "ucf",
        "Temporal_Anomaly_Annotation_for_Testing_Videos.txt",
        ("Shoplifting/Shoplifting001_x264.mp4",),
    ),
    "dcsass": (
        "dcsass",
        "Labels/Shoplifting.csv",
        tuple(f"Shoplifting/Shoplifting001_x264.mp4/Shoplifting001_x264_{k}.mp4" for k in (0, 1)),
    ),
    "videos.csv": ("myshop", "videos.csv", ("till/tuesday-1412.mp4", "till/tuesday-1530.mp4")),
}


def section(name: str) -> str:
    text = (ROOT / "docs/data.md").read_text()
    [found] = re.findall(rf"^### `{re.escape(name)}`.*?(?=^##)", text, re.M | re.S)
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_read(tmp_path: Path, name: str) -> None:
    source, file, videos = EXAMPLES[name]
    blocks = re.findall(r"^```\w*\n(.*?)^```", section(name), re.M | re.S)
    layout = "folder" if name == "videos.csv" else name
    [text] = [block for block in blocks if not block.startswith(("data/raw", "aislewatch "))]
    path = tmp_path / source / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    # CVAT's example states 4000 frames, UCF-Crime is of 30 a second.
    rate = 25.0 if name == "cvat" else 30.0
    facts = {
        f"{source}/{video}": even_video(
            "shoplifting" if "/shoplifting/" in video else "", 160.0, rate
        )
        for video in videos
    }
    labels = read_source(tmp_path, source, layout, facts, Limits(0.1, 0.3))  # type: ignore[arg-type]
    assert [p for p in labels.problems if p.rule != "segments"] == []
    assert labels.rows or labels.whole or labels.attributes


def test_every_layout_has_its_section_and_its_command() -> None:
    assert set(EXAMPLES) == {*get_args(Layout), "videos.csv"}
    for layout in get_args(Layout):
        source = EXAMPLES[layout][0]
        assert f"aislewatch check {source}\n" in section(layout)
        assert f"\n  {source}/" in section(layout)
