"""DCSASS's label files, their known flaws, and where they disagree with UCF-Crime's."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aislewatch.labels import ucf_crime
from aislewatch.labels.dcsass import read_labels, read_segments
from aislewatch.labels.protocol import Labels
from aislewatch.labels.ucf_against_dcsass import disagreements
from aislewatch.validate.videos import video_table
from tests.even_videos import even_video
from tests.validate.test_expectations import catalog_of

SEGMENT = even_video("unlabeled", 2.0, 30.0)


def segment(number: int, recording: str = "Shoplifting016") -> str:
    return f"dc/{recording[:-3]}/{recording}_x264.mp4/{recording}_x264_{number}.mp4"


def lines(ones: range, recording: str = "Shoplifting016") -> str:
    """All 32 lines of a video, CRLF between them and none at the end."""
    made = (f"{recording}_x264_{k},{recording[:-3]},{int(k in ones)}" for k in range(32))
    return "\r\n".join(made)


def read(tmp_path: Path, text: str | bytes, *videos: str) -> Labels:
    folder = tmp_path / "dc" / "Labels"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "Shoplifting.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_labels(tmp_path, "dc", dict.fromkeys(videos, SEGMENT))


def faults(labels: Labels) -> list[tuple[str, int | None, str]]:
    return [(p.level, p.row, p.rule) for p in labels.problems]


def test_segments_have_their_labels_and_their_recording(tmp_path: Path) -> None:
    videos = [segment(k) for k in (14, 15, 31)]
    labels = read(tmp_path, lines(range(15, 24)), *videos)
    assert labels.problems == []
    assert labels.whole == dict(zip(videos, ("normal", "shoplifting", "normal"), strict=True))
    assert {f["recording"] for f in labels.attributes.values()} == {"ucf_crime/Shoplifting016"}


def _saved_by_excel(text: str) -> bytes:
    rows = [line.replace(",", ";").replace(";1", ";1,0") + ";;" for line in text.split("\r\n")]
    return "\r\n".join(["sep=;", *rows, ";;;;", ""]).encode("utf-16")


@pytest.mark.parametrize(
    "saved",
    [
        lambda text: text.replace(",1", ",1.0").replace(",0", ",0.0").encode(),
        lambda text: text.lower().encode("utf-8-sig"),
        lambda text: text.replace(",", "\t").encode("utf-16-le"),
        _saved_by_excel,
    ],
)
def test_however_a_spreadsheet_saved_it(tmp_path: Path, saved: Callable[[str], bytes]) -> None:
    videos = [segment(k) for k in (14, 15, 31)]
    labels = read(tmp_path, saved(lines(range(15, 24))), *videos)
    assert labels.problems == []
    assert labels.whole == dict(zip(videos, ("normal", "shoplifting", "normal"), strict=True))


def test_another_crime_is_not_used_but_what_is_outside_it_is(tmp_path: Path) -> None:
    videos = [segment(k, "Robbery007") for k in (3, 4)]
    labels = read(tmp_path, lines(range(4, 9), "Robbery007"), *videos)
    assert labels.whole == dict(zip(videos, ("normal", "unlabeled"), strict=True))


@pytest.mark.parametrize(
    ("wrong", "right", "fault"),
    [
        ("_31,Shoplifting,0", "_31,Shoplifting,", ("warning", 32, "no_label")),
        ("_x264_31,", "_x264-31,", ("warning", 32, "malformed")),
        ("_31,Shoplifting,0", "_31,Shoplifting,2", ("warning", 32, "malformed")),
        ("_31,Shoplifting,0", "_31,Stealing,0", ("error", 32, "known_label")),
        ("_31,", "_30,", ("warning", 32, "repeated_row")),
        ("_31,Shoplifting,0", "_15,Shoplifting,0", ("error", 32, "repeated_row")),
        ("\r\nShoplifting016_x264_31,Shoplifting,0", "", ("warning", 1, "segments")),
    ],
)
def test_flaws(tmp_path: Path, wrong: str, right: str, fault: tuple[str, int | None, str]) -> None:
    text = lines(range(15, 24)).replace(wrong, right)
    labels = read(tmp_path, text, segment(15), segment(31))
    assert fault in faults(labels)
    assert labels.whole[segment(15)] == "shoplifting"
    assert all(problem.remedy for problem in labels.problems)


def test_what_is_missing_is_told_once(tmp_path: Path) -> None:
    labels = read(tmp_path, lines(range(0)), segment(3, "Abuse001"), "dc/other.mp4")
    assert faults(labels) == [("warning", None, "no_label"), ("warning", None, "absent")]
    labels = read(tmp_path, "video,label\na.mp4,normal\n", segment(3))
    assert faults(labels) == [("error", None, "malformed"), ("warning", None, "no_label")]
    (tmp_path / "empty").mkdir()
    assert faults(read_labels(tmp_path, "empty", {})) == [("error", None, "no_labels")]


@given(text=st.text(max_size=100))
@example(text=";;")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_explained(tmp_path: Path, text: str) -> None:
    """A line of nonsense behind good ones is told with its own number, and takes nothing away.

    A line of delimiters alone is an empty row of a spreadsheet, and no nonsense.
    """
    safe = text.encode("utf-8", "replace").decode()
    labels = read(tmp_path, lines(range(15, 24)) + "\r\n" + safe, segment(15))
    assert labels.whole == {segment(15): "shoplifting"}
    assert bool(labels.problems) == bool(re.sub(r"[,;\s]", "", safe))
    assert all((problem.row or 33) >= 33 for problem in labels.problems)


UCF = "ucf/Shoplifting/Shoplifting016_x264.mp4"


@pytest.mark.parametrize(
    ("ones", "event", "agree"),
    [
        (range(15, 24), "630  720", False),
        (range(13, 17), "630  720", True),
        (range(0), "630  720", False),
        (range(12, 17), "630  720", True),
        (range(11, 17), "630  720", False),
    ],
)
def test_disagreement_with_ucf_crime(tmp_path: Path, ones: range, event: str, agree: bool) -> None:
    """Of 1,483 frames a segment has 46: the event lies in segments 13 to 15."""
    read(tmp_path, lines(ones))
    (tmp_path / "ucf").mkdir()
    line = f"Shoplifting016_x264.mp4  Shoplifting  {event}  -1  -1\n"
    (tmp_path / "ucf" / "Temporal_Anomaly_Annotation.txt").write_text(line)
    sources = {"dc": "dcsass", "ucf": "ucf_crime"}
    found = disagreements(tmp_path, sources, {UCF: even_video("", 74.15, 20.0)})  # type: ignore[arg-type]
    assert [p.level for p in found] == ([] if agree else ["warning"])
    assert all("630-720" in p.problem and p.file.endswith("Shoplifting.csv") for p in found)
    assert disagreements(tmp_path, {"dc": "dcsass"}, {UCF: even_video("", 74.15, 20.0)}) == []


def test_both_label_files_in_one_source_are_compared(tmp_path: Path) -> None:
    read(tmp_path, lines(range(15, 24)))
    line = "Shoplifting016_x264.mp4\tShoplifting\t630\t720\t-1\t-1\t1483\n"
    (tmp_path / "dc" / "Temporal_Anomaly_Annotation_New.txt").write_text(line)
    [problem] = disagreements(tmp_path, {"dc": "dcsass"}, {segment(3): SEGMENT})
    assert "calls frames 695-1112 of Shoplifting016 shoplifting" in problem.problem
    assert problem.row == 18


def test_one_recording_in_both_sources(tmp_path: Path) -> None:
    """What the split keeps together: equal in ``videos.parquet`` whatever the source."""
    labels = read(tmp_path, lines(range(15, 24)), segment(3))
    (tmp_path / "ucf").mkdir()
    (tmp_path / "ucf" / "Anomaly_Test.txt").write_text("Shoplifting/Shoplifting016_x264.mp4")
    other = ucf_crime.read_labels(tmp_path, "ucf", {UCF: even_video("", 74.15, 20.0)})
    table = video_table(catalog_of(UCF, segment(3)), {"dc": labels, "ucf": other}, {})
    assert set(table["recording"]) == {"ucf_crime/Shoplifting016"}


@pytest.mark.corpus
def test_the_real_files(corpus: Path, tmp_path: Path) -> None:
    """520 videos; every flaw of the data set is found, and nothing else."""
    shutil.copytree(corpus / "annotations" / "dcsass", tmp_path / "dc" / "Labels")
    segments = read_segments(tmp_path, "dc")
    assert [(Path(p.file).name, p.row, p.level) for p in segments.problems] == [
        ("RoadAccidents.csv", 1360, "warning"),
        ("Robbery.csv", 864, "warning"),
    ]
    sizes = Counter(len(lines) for lines in segments.by_recording.values())
    assert sizes == {32: 510, 30: 5, 31: 4, 1: 1}
    unlabeled = [s for own in segments.by_recording.values() for s in own.values() if not s.label]
    assert [s.name.recording for s in unlabeled] == ["Abuse048", "Abuse048"]
    name = "dc/dcsass__Shoplifting018_x264_19.mp4"
    labels = read_labels(tmp_path, "dc", {name: SEGMENT})
    assert labels.whole == {name: "shoplifting"}


@pytest.mark.corpus
def test_the_real_files_disagree(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "annotations", tmp_path / "both")
    recordings = [f"Shoplifting{n:03}" for n in range(1, 60)]
    videos = {f"both/{name}_x264.mp4": even_video("", 1.0, 1.0) for name in recordings}
    found = disagreements(tmp_path, {"both": "dcsass"}, videos)
    assert [p.problem.split(" of ")[1][:14] for p in found] == [
        *("Shoplifting001", "Shoplifting007", "Shoplifting010", "Shoplifting015"),
        *("Shoplifting016", "Shoplifting021", "Shoplifting022", "Shoplifting037"),
        *("Shoplifting039", "Shoplifting049"),
    ]
    assert "calls frames 695-1112 of Shoplifting016" in found[4].problem
