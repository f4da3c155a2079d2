"""videos.csv: properties of videos in any layout, over what the layout itself knows."""

from pathlib import Path

import pytest

from aislewatch.labels.checks import Limits
from aislewatch.labels.layouts import READERS, read_source
from aislewatch.labels.protocol import Labels
from tests.even_videos import even_video

VIDEOS = {
    "shop/till/Shoplifting001_x264.mp4": even_video("unlabeled", 10.0, 30.0),
    "shop/till/b.mp4": even_video("unlabeled", 10.0, 30.0),
}
A, B = VIDEOS
LIMITS = Limits(0.1, 0.3)


def read(tmp_path: Path, text: str | bytes, layout: str = "folder") -> Labels:
    folder = tmp_path / "shop"
    folder.mkdir(exist_ok=True)
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "videos.csv").write_bytes(content)
    return read_source(tmp_path, "shop", layout, VIDEOS, LIMITS)  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", list(READERS))
def test_properties_in_any_layout(tmp_path: Path, layout: str) -> None:
    text = "video,camera,Store Name,recording\ntill/Shoplifting001_x264.mp4,door,Ghent,\n"
    known = read(tmp_path, "video\n", layout)
    labels = read(tmp_path, text, layout)
    own = known.attributes.get(A, {})
    assert labels.attributes[A] == own | {"camera": "door", "store_name": "Ghent"}
    assert labels.problems == known.problems


def test_an_empty_cell_says_nothing_and_a_filled_one_prevails(tmp_path: Path) -> None:
    text = "video;recording;camera\r\nShoplifting001_x264;;\r\nb.mp4;monday;x\r\n"
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "Anomaly_Test.txt").write_text("Shoplifting001_x264.mp4")
    labels = read(tmp_path, text, "ucf_crime")
    assert labels.attributes == {
        A: {"recording": "ucf_crime/Shoplifting001", "camera": "ucf_crime/Shoplifting001"},
        B: {"recording": "monday", "camera": "x"},
    }


@pytest.mark.parametrize(
    ("text", "row", "rule"),
    [
        ("", 1, "header"),
        ("camera,store\na,b\n", 1, "header"),
        ("video,file,store\n", 1, "header"),
        ("video,store,Store\n", 1, "header"),
        ("video,scene\n", 1, "header"),
        ("video,official\n", 1, "header"),
        ("video,class\n", 1, "header"),
        ("video,store\nb.mp4\n", 2, "malformed"),
        ("video,store\nc.mp4,Ghent\n", 2, "known_video"),
        ("video,store\nb.mp4,Ghent\ntill/b.mp4,Ghent\n", 3, "repeated_row"),
        (b"video,store\nb.mp4,\xff\n", 2, "malformed"),
    ],
)
def test_each_fault_names_its_line(tmp_path: Path, text: str | bytes, row: int, rule: str) -> None:
    [problem] = read(tmp_path, text).problems
    assert (Path(problem.file).name, problem.row, problem.rule) == ("videos.csv", row, rule)
    assert problem.remedy


def test_times_are_properties_here_and_no_events(tmp_path: Path) -> None:
    labels = read(tmp_path, "Video Name,recorded,from,to\nb.mp4,2026-03-03,12:00,13:00\n")
    [problem] = [problem for problem in labels.problems if problem.rule == "header"]
    assert (problem.level, problem.row) == ("warning", 1)
    assert "from and to are properties of the videos here; no event is read" in problem.problem
    assert labels.attributes[B] == {"recorded": "2026-03-03", "from": "12:00", "to": "13:00"}


def test_the_files_name_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/Videos.CSV").write_text("sep=;\nvideo;day;;\nb.mp4;3;;\n;;;\n")
    labels = read_source(tmp_path, "shop", "folder", VIDEOS, LIMITS)
    assert labels.attributes == {B: {"day": "3"}}


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "outside.csv").write_text("video,store\nb.mp4,Ghent\n")
    (tmp_path / "shop" / "videos.csv").symlink_to(tmp_path / "outside.csv")
    labels = read_source(tmp_path, "shop", "folder", VIDEOS, LIMITS)
    assert labels.attributes == {}
    assert "is a link" in labels.problems[0].problem
