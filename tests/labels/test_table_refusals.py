"""A table of labels: what is refused or told, and where."""

import math
import os
from pathlib import Path

import pytest

from aislewatch.labels.protocol import Labels
from aislewatch.labels.table import read_labels
from tests.labels.tables import VIDEOS, read, spans


def faults(labels: Labels) -> list[tuple[int | None, str]]:
    return [(problem.row, problem.rule) for problem in labels.problems]


@pytest.mark.parametrize("word", ["", "shop lifting?", "2", "yes", "1.5", "-1", "10", "fight"])
def test_no_other_word_is_guessed(tmp_path: Path, word: str) -> None:
    labels = read(tmp_path, f"video,label\na,{word}\n")
    assert faults(labels) == [(2, "known_label")]
    assert "write shoplifting, normal or unlabeled" in labels.problems[0].remedy
    assert not labels.whole


@pytest.mark.parametrize(
    ("header", "values", "named"),
    [
        ("anfang,ende", "1.5,3", "anfang and ende"),
        ("Startzeit,Endzeit", "1.5,3", "Startzeit and Endzeit"),
        ("first_seen,last_seen", "at once,later", "first_seen and last_seen"),
        ("start_us,end_us", "1,2", "start_us and end_us"),
        ("t1,t2", "1.5,3", "t1, and none of the start, though t2 may hold times"),
        ("time", "1.5", "time"),
        ("frame", "12", "frame"),
        ("duration", "30", "duration"),
        ("in,out", "1.5,3", "in and out"),
        ("Beginn (s),Ende (s)", "1.5,3", "Beginn (s) and Ende (s)"),
        ("interval", "from one to two", "interval"),
        ("von_bis", "1.5 - 3", "von_bis"),
        ("stretch", "[1.5; 3.0]", "stretch"),
        ("clock", "00:01 - 00:03", "clock"),
        ("a,b", "7s,9s", "a and b"),
        (",note", "1.5,late", "column 3, which has no name"),
        ("when_it_happens", "later", "when_it_happens"),
    ],
)
def test_no_table_with_unknown_times_is_about_whole_videos(
    tmp_path: Path, header: str, values: str, named: str
) -> None:
    """Else a theft of two seconds would be one as long as its video, without a warning."""
    labels = read(tmp_path, f"video,label,{header}\na,1,{values}\nb,0,{values}\n")
    assert faults(labels) == [(1, "header")]
    assert named in labels.problems[0].problem
    assert "start_s and end_s" in labels.problems[0].remedy
    assert not labels.rows
    assert not labels.whole


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("store,day", "Ghent,2026-03-03"),
        ("camera,store_no,fold", "3,12,1"),
        ("n_frames,fps,width,height", "250,25,640,480"),
        ("video_duration,total_frames", "30.5,763"),
        ("note", "start at the door"),
        ("anfang,ende,time", ",,"),
    ],
)
def test_harmless_columns_leave_a_table_about_whole_videos(
    tmp_path: Path, header: str, values: str
) -> None:
    labels = read(tmp_path, f"video,label,{header}\na,1,{values}\nb,0,{values}\n")
    assert labels.problems == []
    assert labels.whole == {"shop/till/a.mp4": "shoplifting", "shop/till/b.mp4": "normal"}


def test_an_index_of_pandas_is_no_time(tmp_path: Path) -> None:
    labels = read(tmp_path, ",video,label\n0,a,1\n1,b,0\n")
    assert labels.problems == []
    assert len(labels.whole) == 2


def test_columns_of_times_that_are_all_empty_are_none(tmp_path: Path) -> None:
    labels = read(tmp_path, "video,label,start_s,end_s,von,bis\na,1,,,1.5,3\nb,0,,,,\n")
    assert faults(labels) == [(1, "header")]
    assert "von and bis may hold times" in labels.problems[0].problem
    assert read(tmp_path, "video,label,start_s,end_s\na,1,,\n").problems == []


@pytest.mark.parametrize(("rate", "told"), [("10", []), ("10,0", []), ("", []), ("30", [2, 3])])
def test_frames_counted_at_another_rate_are_told(
    tmp_path: Path, rate: str, told: list[int]
) -> None:
    rows = "".join(f"a;1;{first};{first + 9};{rate}\n" for first in (10, 30))
    labels = read(tmp_path, f"video;label;start_frame;end_frame;fps\n{rows}")
    assert faults(labels) == [(row, "frame_rate") for row in told]
    assert {problem.level for problem in labels.problems} <= {"warning"}
    assert len(labels.rows) == 2


def test_a_row_without_times_has_none_elsewhere(tmp_path: Path) -> None:
    labels = read(tmp_path, "video,label,start_s,end_s,begin_at_till\na,1,1,2,\nb,1,,,4\n")
    assert faults(labels) == [(3, "whole_video")]
    assert "the row has no start_s and end_s, but begin_at_till is '4'" in str(labels.problems[0])


@pytest.mark.parametrize("unit", ["s", "frames", "ms"])
def test_a_duration_that_is_none(tmp_path: Path, unit: str) -> None:
    labels = read(tmp_path, f"video,label,start_{unit},duration_{unit}\na,1,10,\na,1,2,x\n")
    name = f"duration_{unit}_number"
    assert faults(labels) == [(2, name), (3, name)]
    assert all(math.isnan(row.end_s) for row in labels.rows)


def test_commas_that_part_thousands_or_cells_are_not_guessed(tmp_path: Path) -> None:
    labels = read(tmp_path, 'video,label,start_s,end_s\na,1,"1,234","1,236"\n')
    assert faults(labels) == [(2, "start_s_number"), (2, "end_s_number")]
    labels = read(tmp_path, "video,label,start_s,end_s,,\na,1,7,5,9,0\na,1,7,8\n")
    assert faults(labels) == [(2, "malformed")]
    labels = read(tmp_path, "video;label;start_s;end_s\na;1;1,234;2,500\n")
    assert spans(labels) == [("shop/till/a.mp4", 1.234, 2.5, "shoplifting")]


def test_of_two_columns_of_one_name_none_is_taken(tmp_path: Path) -> None:
    labels = read(tmp_path, "video,label,camera,Camera,store\na,1,till,door,Ghent\n")
    [told] = labels.problems
    assert (told.level, told.problem) == (
        "warning",
        "the column camera stands twice, and is not used",
    )
    assert labels.attributes == {"shop/till/a.mp4": {"store": "Ghent"}}


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (
            "video,label,start_s,end_s,start_frame,end_frame",
            "start_s and start_frame mean the same",
        ),
        ("video,path,label", "video and path mean the same"),
        ("video,label,class", "label and class mean the same"),
        ("video,label,split,subset", "split and subset mean the same"),
        ("video,label,start_s", "there is the column start_s, and none of the end"),
        ("video,label,stop_time", "there is the column stop_time, and none of the start"),
        ("video,label,start_s,end_frame", "start_s and end_frame are not in one unit"),
        ("video,label,start_ms,end", "start_ms and end are not in one unit"),
        ("video,label,start_min,end_min", "start_min and end_min are not in one unit"),
        ("video,label,start_min,start_s,end_s", "start_min and start_s mean the same"),
        ("video,label,onset,offset,end_s", "offset and end_s mean the same"),
        ("video,start_s,end_s", "no column label"),
        ("label,start_s,end_s", "no column video"),
        ("till/a.mp4,1,0,5", "no column video and no label"),
        ("", "no column video and no label"),
    ],
)
def test_headers_that_do_not_tell(tmp_path: Path, header: str, says: str) -> None:
    labels = read(tmp_path, f"{header}\na,1,1,1,1,1\n")
    assert set(faults(labels)) == {(1 if header else 2, "header")}
    assert says in labels.problems[0].problem
    assert not labels.rows


@pytest.mark.parametrize(
    ("unit", "start", "end", "rule"),
    [
        ("s", "1,5,0", "3", "start_s_number"),
        ("s", "1", "00:00:03", "end_s_number"),
        ("ms", "1500", "0:03", "end_ms_number"),
        ("ms", "1.5 s", "3000", "start_ms_number"),
        ("s", "nan", "3", "start_s_number"),
        ("s", "", "3", "start_s_number"),
        ("time", "1.5h", "00:00:03", "start_time_number"),
        ("time", "000130", "000140", "start_time_number end_time_number"),
        ("time", "00:00:01:12", "00:00:03", "start_time_number"),
        ("time", "00:00:01", "00:00:61", "end_time_number"),
        ("frame", "0", "1.000", "end_frame_number"),
        ("frame", "1.000.000", "2", "start_frame_number"),
        ("frame", "-1", "29", "start_frame_number"),
        ("frame", "15", "29.5", "end_frame_number"),
    ],
)
def test_times_in_another_unit(tmp_path: Path, unit: str, start: str, end: str, rule: str) -> None:
    labels = read(tmp_path, f"video;label;start_{unit};end_{unit}\na;1;{start};{end}\n")
    assert faults(labels) == [(2, word) for word in rule.split()]
    assert labels.problems[0].remedy.startswith("write ")
    bad = 0 if rule.startswith("start") else 1
    assert math.isnan((labels.rows[0].start_s, labels.rows[0].end_s)[bad])


def test_all_problems_at_once_each_with_its_row(tmp_path: Path) -> None:
    text = (
        "video,label,start_s,end_s,split\n"
        "a,1,1,2,train\n"
        "a,1,3,4,test\n"
        "a,0,,,\n"
        "z,1,1,2,\n"
        "b,1,,,nowhere\n"
        "b,0,,,\n"
        "b,1\n"
    )
    labels = read(tmp_path, text)
    assert sorted(faults(labels)) == [
        (3, "one_side"),
        (4, "whole_video"),
        (5, "known_video"),
        (6, "known_side"),
        (7, "whole_video"),
        (8, "malformed"),
    ]


def test_a_table_is_one_and_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "labels.tsv").write_text("video\tlabel\na\t1\n")
    os.mkfifo(tmp_path / "shop" / "labels.csv")
    assert "more than one" in str(read_labels(tmp_path, "shop", VIDEOS).problems[0])
    (tmp_path / "shop" / "labels.tsv").unlink()
    assert "no regular file" in str(read_labels(tmp_path, "shop", VIDEOS).problems[0])
    (tmp_path / "shop" / "labels.csv").rename(tmp_path / "shop" / "pipe")
    (tmp_path / "shop" / "Labels.CSV").write_text("Video Name,Class\na,1\n")
    assert read_labels(tmp_path, "shop", VIDEOS).whole == {"shop/till/a.mp4": "shoplifting"}


@pytest.mark.corpus
def test_scores_of_frames_are_no_labels(tmp_path: Path, corpus: Path) -> None:
    files = sorted((corpus / "annotations" / "aihub_stgnf_gt").glob("*.csv"))
    assert files
    for file in files:
        assert faults(read(tmp_path, file.read_bytes())) == [(1, "header")]
