"""Labels of a source folder: what is read, what is refused and where."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.labels.checks import Limits, check_rows
from aislewatch.labels.layouts import read_source
from aislewatch.labels.protocol import LabelRow, Labels
from aislewatch.tables import validate as tables
from aislewatch.validate.annotations import assemble, video_labels
from aislewatch.validate.videos import video_table
from tests.even_videos import even_video, even_videos
from tests.validate.stage_project import HEADER
from tests.validate.test_expectations import GOOD

LIMITS = Limits(frame_s=0.1, min_event_s=0.3)


VIDEOS = {
    "shop/cam/shoplifting/a.mp4": even_video("shoplifting", 10.0, 25.0),
    "shop/cam/shoplifting/b, (1).mp4": even_video("shoplifting", 10.0, 25.0),
    "shop/normal/n.mp4": even_video("normal", 10.0, 25.0),
    "shop/u.mp4": even_video("unlabeled", 10.0, 25.0),
}


A = "cam/shoplifting/a.mp4"


B = "cam/shoplifting/b, (1).mp4"


REST = f'"{B}",0,1,shoplifting\n'


def read(tmp_path: Path, text: str | bytes) -> Labels:
    file = tmp_path / "shop" / "events.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (file.parent / "bad.mp4").touch()
    return read_source(tmp_path, "shop", "folder", VIDEOS, LIMITS)


def faults(tmp_path: Path, lines: str) -> list[tuple[int | None, str]]:
    return [(p.row, p.rule) for p in read(tmp_path, HEADER + lines).problems]


def test_class_folders_without_a_label_file(tmp_path: Path) -> None:
    labels = read_source(tmp_path, "shop", "folder", VIDEOS, LIMITS)
    assert labels == Labels(
        whole={name: video.label for name, video in VIDEOS.items() if video.label != "unlabeled"}
    )


def test_a_folder_without_any_label_is_told(tmp_path: Path) -> None:
    """Its name may have been meant as a class; a camera's folder has labelled videos beside."""
    silent = {
        "shop/Diebstahl/till/x.mp4": even_video("unlabeled", 10.0, 25.0),
        "shop/cam/Unlabeled/y.mp4": even_video("unlabeled", 10.0, 25.0),
        "shop/theft/z.mp4": even_video("unlabeled", 10.0, 25.0),
    }
    labels = read_source(tmp_path, "shop", "folder", VIDEOS | silent, LIMITS)
    [problem] = labels.problems
    assert (problem.level, problem.rule) == ("warning", "without_label")
    assert "nothing has a label in shop/Diebstahl/till, shop/theft; 2 video(s)" in problem.problem


def test_two_class_folders_that_disagree_are_told_and_none_is_taken(tmp_path: Path) -> None:
    """A folder dragged into another labelled whole nights as the other class."""
    dragged = {
        "shop/Normal/cam/shoplifters/x.mp4": even_video("shoplifting", 10.0, 25.0),
        "shop/shoplifting/unlabeled/y.mp4": even_video("unlabeled", 10.0, 25.0),
    }
    agreed = {"shop/normal/Normal_Videos/z.mp4": even_video("normal", 10.0, 25.0)}
    own_name = {"shoplifting/normal/w.mp4": even_video("normal", 10.0, 25.0)}
    labels = read_source(tmp_path, "shop", "folder", VIDEOS | dragged | agreed, LIMITS)
    told = [(one.level, one.rule, one.video) for one in labels.problems]
    assert told == [("error", "two_classes", video) for video in dragged]
    assert "in Normal/ and, within that, in shoplifters/" in labels.problems[0].problem
    assert labels.whole["shop/normal/Normal_Videos/z.mp4"] == "normal"
    assert dragged.keys().isdisjoint(labels.whole)
    labels = read_source(tmp_path, "shoplifting", "folder", own_name, LIMITS)
    assert not labels.problems


def test_rows_of_refused_videos_leave_the_folders_labels(tmp_path: Path) -> None:
    labels = read(tmp_path, HEADER + "bad.mp4,1,2,shoplifting\n")
    assert labels.whole == {"shop/normal/n.mp4": "normal"}
    rules = [problem.rule for problem in labels.problems]
    assert rules == ["quarantined", "has_interval", "has_interval"]


def test_a_table_that_is_not_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "labels.tsv").touch()
    labels = read_source(tmp_path, "shop", "folder", VIDEOS, LIMITS)
    assert [(p.level, p.rule) for p in labels.problems] == [("warning", "unread")]


def test_windows_file_with_blanks_and_quotes(tmp_path: Path) -> None:
    text = HEADER + f'"{A}", 1.5, 2 ,shoplifting\n\n"{B}",3,4,shoplifting'
    labels = read(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    where = (tmp_path / "shop" / "events.csv").as_posix()
    assert labels.problems == []
    assert labels.rows == [
        LabelRow(where, 2, f"shop/{A}", 1.5, 2.0, "shoplifting"),
        LabelRow(where, 4, f"shop/{B}", 3.0, 4.0, "shoplifting"),
    ]
    assert labels.whole == {"shop/normal/n.mp4": "normal"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "header"),
        (f"{A},1,2,shoplifting\n", "header"),
        (b"\xff\xfev\x00i\x00d", "malformed"),
        (HEADER + '"never closed,1,2,shoplifting\n', "malformed"),
    ],
    ids=["empty", "no header", "half a letter", "open quote"],
)
def test_unreadable_file_is_one_problem(tmp_path: Path, text: str | bytes, rule: str) -> None:
    labels = read(tmp_path, text)
    assert labels.rows == []
    assert [problem.rule for problem in labels.problems] == [rule]
    assert labels.problems[0].remedy


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (f"{A},1,2", "malformed"),
        (f"{A},1,2,shoplifting,9", "malformed"),
        (f"{A},1,2,fight", "known_label"),
        (f"{A},one,2,shoplifting", "start_s_number"),
        (f"{A},1,inf,shoplifting", "end_s_number"),
        (f"{A},,2,shoplifting", "start_s_number"),
        (f"{A},-1,2,shoplifting", "start_s_range"),
        (f"{A},3,2,shoplifting", "order"),
        (f"{A},2,2,shoplifting", "order"),
        (f"{A},2,2.2,shoplifting", "event_length"),
        # What is left up to the video's end at 10 s counts.
        (f"{A},9.75,10.05,shoplifting", "event_length"),
        (f"{A},9.71,10.1,shoplifting", "event_length"),
        (f"{A},10,10.1,shoplifting", "event_length"),
        (f"{A},9,10.2,shoplifting", "inside_video"),
        ("cam/shoplifting/A.mp4,1,2,shoplifting", "known_video"),
        ("bad.mp4,1,2,shoplifting", "quarantined"),
        ("normal/n.mp4,1,2,shoplifting", "normal_event"),
        (f"{A},4.5,6,normal", "overlap"),
        (f"{A},4,5,normal", "overlap"),
    ],
)
def test_each_fault_names_its_line(tmp_path: Path, line: str, rule: str) -> None:
    good = f"{A},4,5,shoplifting\n"
    assert faults(tmp_path, good + REST + line + "\n") == [(4, rule)]


def test_good_rows_have_no_fault(tmp_path: Path) -> None:
    times = ["0,1", "1,2", "9,10.1", "2.6,2.9"]
    lines = "".join(f"{A},{time},shoplifting\n" for time in times)
    lines += f"{A},3,3.1,normal\n{A},3,5,normal\n{A},2,9.5,unlabeled\n"
    assert faults(tmp_path, lines + REST + "u.mp4,0,10,shoplifting\n") == []


def test_repeated_and_overlapping_rows(tmp_path: Path) -> None:
    lines = f"{A},1,6,shoplifting\n{A},2,3,shoplifting\n{A},5,7,shoplifting\n{A},1,6,shoplifting\n"
    assert faults(tmp_path, lines + REST) == [
        (5, "repeated_row"),
        (3, "overlap"),
        (4, "overlap"),
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20),
            st.integers(1, 9),
            st.sampled_from(["shoplifting", "normal", "unlabeled"]),
        ),
        max_size=6,
    )
)
def test_a_problem_is_told_exactly_where_two_labels_compete(
    parts: list[tuple[int, int, str]],
) -> None:
    name = "shop/u.mp4"
    rows = [
        LabelRow("f.csv", number, name, start / 2, (start + length) / 2, label)
        for number, (start, length, label) in enumerate(parts, start=2)
    ]
    competing = [
        (a, b)
        for a, b in combinations(rows, 2)
        if (a.label, a.start_s, a.end_s) == (b.label, b.start_s, b.end_s)
        # Two normal parts agree, and an unlabeled one contradicts nothing.
        or (
            (a.start_s < b.end_s and b.start_s < a.end_s)
            and {a.label, b.label} != {"normal"}
            and "unlabeled" not in (a.label, b.label)
        )
    ]
    found = check_rows(rows, {name: even_video("unlabeled", 20.0, 25.0)}, LIMITS)
    assert bool(found) == bool(competing)
    assert {problem.row for problem in found} <= {row.row for pair in competing for row in pair}


def test_shoplifting_video_without_an_event(tmp_path: Path) -> None:
    assert faults(tmp_path, REST) == [(None, "has_interval")]
    assert faults(tmp_path, f"{A},1,2,normal\n" + REST) == [(None, "has_interval")]
    assert faults(tmp_path, f"{A},,,unlabeled\n" + REST) == []


def test_a_row_without_times_is_about_the_whole_video(tmp_path: Path) -> None:
    assert faults(tmp_path, f"{A},,,theft\n" + REST) == []
    assert faults(tmp_path, f"{A},,,theft\nn.mp4,,,theft\n" + REST) == [(None, "normal_event")]


def test_misspelt_video_gets_a_hint(tmp_path: Path) -> None:
    problem = read(tmp_path, HEADER + "cam/shoplifting/A.avi,1,2,shoplifting\n").problems[0]
    assert "did you mean cam/shoplifting/a.mp4?" in problem.remedy
    assert str(problem).startswith(problem.file + " line 2")


@given(st.text(max_size=200))
def test_any_text_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    labels = read(folder, (HEADER + text).encode("utf-8", "surrogatepass"))
    lines = len(text.replace("\r", "\n").split("\n"))
    assert len(labels.rows) + len(labels.problems) <= 3 * lines + len(VIDEOS)


def test_assemble_rows_wholes_and_what_is_left() -> None:
    a, b, c = GOOD["video"]
    rows = [LabelRow("events.csv", 2, a, 9.0, 10.05, "shoplifting")]
    table = assemble(even_videos(GOOD), {"shop": Labels(rows, whole={b: "normal"})}, LIMITS.frame_s)
    assert table[["video", "label", "start_s", "end_s"]].to_numpy().tolist() == [
        [b, "normal", 0.0, 10.0],
        [a, "shoplifting", 9.0, 10.0],
        [c, "unlabeled", 0.0, 10.0],
    ]
    rows = [LabelRow("t.xml", 2, a, 4.0, 10.0, "unlabeled")]
    table = assemble(even_videos(GOOD), {"shop": Labels(rows)}, LIMITS.frame_s)
    assert table.loc[table["video"] == a, ["label", "start_s", "end_s"]].to_numpy().tolist() == [
        ["normal", 0.0, 4.0],
        ["unlabeled", 4.0, 10.0],
    ]
    assert video_labels(table) == {a: "normal", b: "unlabeled", c: "unlabeled"}


def test_videos_table_has_no_gaps() -> None:
    a, b, c = GOOD["video"]
    attributes = {a: {"store": "Ghent", "recording": "monday"}, b: {"camera": "door", "day": "1"}}
    table = video_table(GOOD, {"shop": Labels(official={a: "test"}, attributes=attributes)}, {c: a})
    assert list(table) == [*tables.VIDEOS.names, "day", "store"]
    assert table.to_numpy().tolist() == [
        [b, "shop", "door", "", "", "", "1", ""],
        [a, "shop", "shop", "monday", "test", "", "", "Ghent"],
        [c, "shop", "shop", "", "", a, "", ""],
    ]
    assert set(table.dtypes.astype(str)) == {"str"}
