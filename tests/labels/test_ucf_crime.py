"""UCF-Crime's label files in every spelling, their sides and frames, and what is refused."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislewatch.labels.protocol import Labels
from aislewatch.labels.ucf_crime import read_labels
from aislewatch.labels.ucf_files import read_ucf_files
from aislewatch.labels.ucf_names import ucf_name
from tests.even_videos import even_video

# 1,483 frames, as UCF-Crime's; the container says 20 a second.
V016 = "ucf/Shoplifting/Shoplifting016_x264.mp4"
V003 = "ucf/Shoplifting/Shoplifting003_x264.mp4"
ARSON = "ucf/Arson/Arson022_x264.mp4"
CALM = "ucf/Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4"
VIDEOS = {
    V016: even_video("unlabeled", 74.15, 20.0),
    V003: even_video("unlabeled", 60.0, 30.0),
    ARSON: even_video("unlabeled", 288.0, 30.0),
    CALM: even_video("unlabeled", 94.067, 30.0),
}
TIMES = "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
LINE = "Shoplifting016_x264.mp4  Shoplifting  630  720  -1  -1  \n"


def read(tmp_path: Path, **files: str) -> Labels:
    """Labels from texts; a keyword's underscores before a number stay, the suffix is added."""
    folder = tmp_path / "ucf"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    return read_labels(tmp_path, "ucf", VIDEOS)


def spans(labels: Labels) -> list[tuple[str, float, float, str]]:
    return [(row.video, row.start_s, row.end_s, row.label) for row in labels.rows]


def faults(labels: Labels, level: str = "error") -> list[tuple[int | None, str]]:
    return [(p.row, p.rule) for p in labels.problems if p.level == level]


EVENT = [(V016, 31.5, 36.05, "shoplifting")]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Temporal_Anomaly_Annotation_for_Testing_Videos", LINE),
        ("Temporal_Anomaly_Annotation", LINE.rstrip("\n") + "\r\n"),
        (
            "Temporal_Anomaly_Annotation_New",
            "Shoplifting016_x264.mp4\tShoplifting\t630\t720\t-1\t-1\t1483\n",
        ),
        (
            "Test_Annotation",
            "Shoplifting/Shoplifting016_x264.mp4 1483 Shoplifting 630 720 -1 -1 \n",
        ),
        ("TEMPORAL_ANOMALY_ANNOTATION", LINE.upper()),
        ("salva-u__Temporal_Anomaly_Annotation", "\ufeff\n\n" + LINE + "   \n"),
    ],
)
def test_every_spelling_is_the_same_event(tmp_path: Path, name: str, line: str) -> None:
    """Frames apply frame for frame: 630 of a file that says 20 a second is at 31.5 s."""
    labels = read(tmp_path, **{name: line})
    assert spans(labels) == EVENT
    assert faults(labels) == []
    rules = {rule for _, rule in faults(labels, "warning")}
    assert ("frame_rate" in rules) == ("1483" not in line), "nothing tells that frames agree"


def test_sides_folds_and_labels(tmp_path: Path) -> None:
    labels = read(
        tmp_path,
        Temporal_Anomaly_Annotation=LINE
        + "Arson022_x264.mp4  Arson  3500  4000  5000  8641\n"
        + "Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1\n",
        Anomaly_Train="Shoplifting/Shoplifting003_x264.mp4\n",
        Anomaly_Test_Shoplifting="Shoplifting/Shoplifting016_x264.mp4 \r\n",
        Normal_Test="Normal_Videos_003_x264.mp4\n",
        Train_Annotation="Shoplifting/Shoplifting003_x264.mp4 1800 \n",
        train_001="Shoplifting/Shoplifting016_x264.mp4 \n",
        test_001="Shoplifting/Shoplifting003_x264.mp4 \n",
        test_002="Shoplifting/Shoplifting016_x264.mp4 \n",
        ClassIDs="Abuse 1\n",
        ReadMe="A few notes\n",
    )
    assert labels.official == {V016: "test", V003: "train", CALM: "test"}
    assert labels.whole == {CALM: "normal"}
    # What is outside another crime is normal; an end two frames beyond the video is its end.
    arson = [(ARSON, 3500 / 30, 4001 / 30, "unlabeled"), (ARSON, 5000 / 30, 288.0, "unlabeled")]
    for found, wanted in zip(spans(labels), [*arson, *EVENT], strict=True):
        assert (found[0], found[3]) == (wanted[0], wanted[3])
        assert found[1:3] == pytest.approx(wanted[1:3], abs=1e-8)
    assert {video: facts.get("fold") for video, facts in labels.attributes.items()} == {
        V016: "2",
        V003: "1",
        ARSON: None,
        CALM: None,
    }
    assert labels.attributes[V016]["recording"] == "ucf_crime/Shoplifting016"
    assert faults(labels) == []
    assert faults(labels, "warning") == [(None, "no_times"), (None, "frame_rate")]
    assert "Shoplifting003" in labels.problems[0].problem


def test_the_lists_of_one_fold_are_a_split(tmp_path: Path) -> None:
    lists = {"train_001": "Shoplifting/Shoplifting016_x264.mp4\n", "test_001": f"{V003[4:]}\n"}
    assert read(tmp_path, **lists).official == {V016: "train", V003: "test"}
    lists["test_002"] = "Shoplifting/Shoplifting016_x264.mp4\n"
    assert read(tmp_path, **lists).official == {}


@pytest.mark.parametrize(
    ("lines", "row", "rule"),
    [
        ("Shoplifting016_x264.mp4  Shoplifting  630\n", 1, "malformed"),
        (LINE.replace("  ", ","), 1, "malformed"),
        (LINE.replace("  ", ";"), 1, "malformed"),
        ("Shoplifting016_x264.mp4\n", 1, "malformed"),
        (LINE.replace("720", "-1"), 1, "malformed"),
        (LINE.replace("630", "-1"), 1, "malformed"),
        (LINE + "video7.mp4  Shoplifting  630  720  -1  -1\n", 2, "malformed"),
        (LINE.replace(" Shoplifting", " Stealing"), 1, "disagreement"),
        (LINE.replace("630  720", "-1  -1"), 1, "disagreement"),
        (LINE + LINE.replace("630", "600"), 2, "disagreement"),
        ("Normal_Videos_003_x264.mp4  Normal  5  9  -1  -1\n", 1, "disagreement"),
        (LINE.rstrip() + "  990\n", 1, "frame_count"),
    ],
)
def test_each_fault_names_its_line(tmp_path: Path, lines: str, row: int, rule: str) -> None:
    labels = read(tmp_path, Temporal_Anomaly_Annotation=lines)
    assert faults(labels) == [(row, rule)]
    assert all(problem.remedy for problem in labels.problems)


def test_a_video_on_two_sides_is_an_error(tmp_path: Path) -> None:
    labels = read(tmp_path, Anomaly_Train=V016[4:], Anomaly_Test=V016[4:])
    assert faults(labels) == [(1, "one_side")]


def test_what_is_missing_is_told_once(tmp_path: Path) -> None:
    assert faults(read(tmp_path, notes="nothing")) == [(None, "no_labels")]
    lines = "".join(f"Abuse/Abuse{n:03}_x264.mp4\n" for n in range(1, 51))
    labels = read(tmp_path, Anomaly_Train=lines)
    [absent] = [problem for problem in labels.problems if problem.rule == "absent"]
    assert absent.problem.startswith("50 videos of the lists are not here: Abuse001, Abuse002")


def test_strange_names_stay_unlabeled(tmp_path: Path) -> None:
    (tmp_path / "ucf").mkdir()
    (tmp_path / "ucf" / TIMES).write_text(LINE)
    labels = read_labels(tmp_path, "ucf", {"ucf/Shoplifting/clip7.mp4": even_video("", 9.0, 30.0)})
    assert (labels.rows, labels.whole, labels.attributes) == ([], {}, {})
    assert faults(labels, "warning") == [(None, "known_video"), (None, "absent")]


@given(text=st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_explained(tmp_path: Path, text: str) -> None:
    safe = text.encode("utf-8", "replace").decode()
    labels = read(tmp_path, Temporal_Anomaly_Annotation=LINE + safe)
    assert spans(labels) == EVENT or labels.problems


@pytest.mark.corpus
def test_the_real_files(corpus: Path, tmp_path: Path) -> None:
    """All spellings together: 1,900 videos, and not one line that is not understood."""
    shutil.copytree(corpus / "annotations" / "ucf_crime", tmp_path / "ucf")
    files = read_ucf_files(tmp_path, "ucf")
    assert files.problems == []
    assert len(files.recordings) == 1900
    assert len(files.entries) == 290
    assert {len(entries) for entries in files.entries.values()} == {4}
    assert sorted(files.folds) == ["1", "2", "3", "4"]
    sides = list(files.sides.values())
    assert (sides.count("train"), sides.count("test")) == (1610, 290)
    names = ["ucfcrime__Shoplifting016_x264_tagged.mp4", "ucfcrime__Shoplifting027_x264_tagged.mp4"]
    facts = {
        f"ucf/{names[0]}": even_video("", 74.15, 20.0),
        f"ucf/{names[1]}": even_video("", 93.65, 20.0),
    }
    labels = read_labels(tmp_path, "ucf", facts)
    assert spans(labels) == [
        (f"ucf/{names[0]}", 31.5, 36.05, "shoplifting"),
        (f"ucf/{names[1]}", 54.0, 58.05, "shoplifting"),
        (f"ucf/{names[1]}", 73.5, 85.55, "shoplifting"),
    ]
    assert faults(labels) == []


@pytest.mark.parametrize(
    ("path", "recording", "kind", "segment"),
    [
        ("Shoplifting/Shoplifting001_x264.mp4", "Shoplifting001", "shoplifting", None),
        (
            "a/Shoplifting001_x264.mp4/Shoplifting001_x264_31.mp4",
            "Shoplifting001",
            "shoplifting",
            31,
        ),
        ("RoadAccidents098_x264_5", "RoadAccidents098", "other", 5),
        ("Normal_Videos_003_x264.mp4", "Normal_Videos_003", "normal", None),
        ("Normal_Videos003_x264.mp4", "Normal_Videos003", "normal", None),
        ("SHOPLIFTING/shoplifting016_X264.MP4", "Shoplifting016", "shoplifting", None),
        ("mine_normal_videos_003_x264_2.mp4", "Normal_Videos_003", "normal", 2),
    ],
)
def test_names(path: str, recording: str, kind: str, segment: int | None) -> None:
    name = ucf_name(path)
    assert name is not None
    assert (name.recording, name.kind, name.segment) == (recording, kind, segment)
