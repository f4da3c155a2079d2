"""A table of labels: what its columns mean, how it may be saved, what is refused and where."""

import math
import os
from datetime import time, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislewatch.labels.protocol import LabelRow, Labels
from aislewatch.labels.table import read_labels
from tests.even_videos import even_video

VIDEOS = {
    "shop/till/a.mp4": even_video("unlabeled", 10.0, 10.0),
    "shop/till/b.mp4": even_video("unlabeled", 20.0, 25.0),
}


def read(tmp_path: Path, content: str | bytes, name: str = "labels.csv") -> Labels:
    folder = tmp_path / "shop"
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    labels = read_labels(tmp_path, "shop", VIDEOS)
    assert {problem.file for problem in labels.problems} <= {file.as_posix()}
    file.unlink()
    return labels


def spans(labels: Labels) -> list[tuple[str, float, float, str]]:
    return [(row.video, row.start_s, row.end_s, row.label) for row in labels.rows]


def faults(labels: Labels) -> list[tuple[int | None, str]]:
    return [(problem.row, problem.rule) for problem in labels.problems]


A_EVENT = [("shop/till/a.mp4", 1.5, 3.0, "shoplifting")]


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("start_s,end_s", "1.5", "3"),
        ("start_s,end_s", "1.5s", "3 sec."),
        ("start_ms,end_ms", "1500 ms", "3000ms"),
        ("start,end", "1.5", "3.0"),
        ("start,end", "0:01.5", "00:00:03"),
        ("time_start,time_end", "1.5", "3"),
        ("START (s),End [sec]", "1.5", "3"),
        ("start_sec,end_sec", "1.5", "3"),
        ("start_ms,end_ms", "1500", "3000"),
        ("start time [ms],end time [ms]", "1500.0", "3000"),
        ("StartTime,StopTime", "1.5", "3"),
        ("Begin,Stop", "1.5", "3"),
        ("t0,t1", "1.5", "3"),
        ("from,to", "1.5", "3"),
        ("t_start,t_end", "1.5", "3"),
        ("onset,offset", "1.5", "3"),
        ("onset,duration", "1.5", "1.5"),
        ("temporal_start,dur_s", "1.5", "1.5"),
        ("start_hms,end_hms", "0:00:01.5", "0:00:03"),
        ("offset,duration", "1.5", "1.5"),
        ("start_s,length (s)", "1.5", "1.5"),
        ("start_ms,duration_ms", "1500", "1500"),
        ("start_frame,duration_frames", "15", "15"),
        ("frame_start,frame_end", "15", "29"),
        ("Begin Time - ss.msec,End Time - ss.msec", "1.500", "3.000"),
        ("Begin Time - hh:mm:ss.ms,End Time - hh:mm:ss.ms", "00:00:01.500", "00:00:03.000"),
        ("Begin Time - msec,Duration - msec", "1500", "1500"),
        ("start_time,end_time", "1.5", "3"),
        ("Start Seconds,End-Seconds", "1.5", "3e0"),
        ("start_frame,end_frame", "15", "29"),
        ("first_frame,last_frame", "15.0", "29"),
        ("start_time,end_time", "00:00:01.5", "00:03"),
    ],
)
def test_a_columns_name_decides_the_unit(tmp_path: Path, header: str, start: str, end: str) -> None:
    labels = read(tmp_path, f"video,label,{header}\ntill/a.mp4,shoplifting,{start},{end}\n")
    assert labels.problems == []
    assert spans(labels) == A_EVENT
    assert labels.rows[0].row == 2


@pytest.mark.parametrize("video", ["Video", "video_name", "File Name", "filename", "path", "file"])
@pytest.mark.parametrize("label", ["label", "CLASS"])
def test_usual_names_of_columns(tmp_path: Path, video: str, label: str) -> None:
    assert read(tmp_path, f"{video},{label}\na,1\n").whole == {"shop/till/a.mp4": "shoplifting"}


@pytest.mark.parametrize("delimiter", list(",;\t| "))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_however_it_was_saved(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    header = ["id", "video", "label", "start_s", "end_s"]
    lines = [header, ["1", '"till/a.mp4"', "theft", "1.5", "3"], [], ["2", "b", "0", "0", "2"]]
    text = end.join(delimiter.join(line) for line in lines)
    labels = read(tmp_path, text.encode(encoding))
    assert labels.problems == []
    assert spans(labels) == [*A_EVENT, ("shop/till/b.mp4", 0.0, 2.0, "normal")]
    assert [row.row for row in labels.rows] == [2, 4]


def test_blanks_may_be_many_and_trail(tmp_path: Path) -> None:
    labels = read(tmp_path, "video   class start_time  end_time \na.mp4  1  00:00:01 00:00:02  \n")
    assert spans(labels) == [("shop/till/a.mp4", 1.0, 2.0, "shoplifting")]


@pytest.mark.parametrize("times", ["seconds", "frames", "time", "delta", "clock"])
def test_parquet(tmp_path: Path, times: str) -> None:
    values: dict[str, tuple[str, list[object]]] = {
        "seconds": ("s", [1.5, 3.0]),
        "frames": ("frame", [15, 29]),
        "time": ("time", [time(0, 0, 1, 500000), time(0, 0, 3)]),
        "delta": ("time", [timedelta(seconds=1.5), timedelta(seconds=3)]),
        "clock": ("time", ["00:00:01.500", "00:00:03"]),
    }
    unit, (start, end) = values[times]
    table = pd.DataFrame(
        {
            "video": ["till/a.mp4", "b"],
            "label": ["steal", "normal"],
            f"start_{unit}": [start, None],
            f"end_{unit}": [end, None],
        }
    )
    file = tmp_path / "labels.parquet"
    table.to_parquet(file)
    labels = read(tmp_path, file.read_bytes(), "labels.parquet")
    assert labels.problems == []
    assert spans(labels) == A_EVENT
    assert labels.whole == {"shop/till/b.mp4": "normal"}


def test_sides_and_properties(tmp_path: Path) -> None:
    text = (
        "video,label,start_s,end_s,split,camera,score,scene\n"
        "a,1,1,2,train,door,3,x\na,1,4,5,training,door,4,x\nb,0,,,Validation,,5,x\n"
    )
    labels = read(tmp_path, text)
    assert labels.official == {"shop/till/a.mp4": "train", "shop/till/b.mp4": "val"}
    assert labels.attributes == {"shop/till/a.mp4": {"camera": "door"}}
    assert labels.whole == {"shop/till/b.mp4": "normal"}
    assert [(p.level, p.row) for p in labels.problems] == [("warning", 1)]
    assert "scene" in labels.problems[0].problem


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("shoplifting Shoplifting SHOPLIFT shoplifter theft Steal stealing 1 1.0", "shoplifting"),
        ("shop-lifting Shop_Lifters 1. 1.00 1,0", "shoplifting"),
        ("normal Normal no_shoplifting no-theft non-shoplifting 0 0.0 0,0", "normal"),
        ("unlabeled unlabelled unknown ignore", "unlabeled"),
    ],
)
def test_words_for_labels(tmp_path: Path, words: str, label: str) -> None:
    for word in words.split():
        assert read(tmp_path, f"video;label\na;{word}\n").whole == {"shop/till/a.mp4": label}


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


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nvideo;label;start_s;end_s\r\na;1;1,5;3\r\n",
        "sep=;\nvideo;label;start_s;end_s;;\na;1;1,5;3,0;;\n;;;;;\n;;;;;\n",
        '"sep=;"\nvideo;label;start_s;end_s\na;1;1,5;3;;\n',
        "SEP=\t\nvideo\tlabel\tstart_s\tend_s\na\t1\t1,5\t3\n",
        "sep=,\nvideo;label;start_s;end_s\na;1;1,5;3\n",
        'sep=,,,\n\nvideo,label,start_s,end_s\na,1.0,"1,5","3,0"\n,,,\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_tables_of_spreadsheets(tmp_path: Path, text: str, encoding: str) -> None:
    labels = read(tmp_path, text.encode(encoding))
    assert labels.problems == []
    assert spans(labels) == A_EVENT
    [line] = [n for n, line in enumerate(text.splitlines(), start=1) if line.startswith("a")]
    assert labels.rows[0].row == line


def test_commas_that_part_thousands_or_cells_are_not_guessed(tmp_path: Path) -> None:
    labels = read(tmp_path, 'video,label,start_s,end_s\na,1,"1,234","1,236"\n')
    assert faults(labels) == [(2, "start_s_number"), (2, "end_s_number")]
    labels = read(tmp_path, "video,label,start_s,end_s,,\na,1,7,5,9,0\na,1,7,8\n")
    assert faults(labels) == [(2, "malformed")]
    labels = read(tmp_path, "video;label;start_s;end_s\na;1;1,234;2,500\n")
    assert spans(labels) == [("shop/till/a.mp4", 1.234, 2.5, "shoplifting")]


def test_not_a_number_in_parquet_is_an_empty_cell(tmp_path: Path) -> None:
    nan = float("nan")
    table = {"video": ["a", "b"], "label": [1.0, 0.0], "start_s": [1.5, nan], "end_s": [3.0, nan]}
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table(table), file)
    labels = read(tmp_path, file.read_bytes(), "labels.parquet")
    assert labels.problems == []
    assert spans(labels) == A_EVENT
    assert labels.whole == {"shop/till/b.mp4": "normal"}


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


ROWS = st.lists(
    st.tuples(st.sampled_from(sorted(VIDEOS)), st.integers(0, 80), st.integers(0, 19)), max_size=9
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.sampled_from(["s", "frame", "time"]), st.sampled_from(list(",;\t|")))
def test_units_and_delimiters_tell_the_same(
    tmp_path: Path, rows: list[tuple[str, int, int]], unit: str, delimiter: str
) -> None:
    expected, lines = [], [["video", "label", f"start_{unit}", f"end_{unit}"]]
    for number, (video, first, more) in enumerate(rows, start=2):
        fps = VIDEOS[video].fps
        bounds = first / fps, (first + more + 1) / fps
        write = {
            "s": [repr(bound) for bound in bounds],
            "frame": [str(first), str(first + more)],
            "time": [f"00:{int(bound) // 60:02}:{bound % 60:012.9f}" for bound in bounds],
        }[unit]
        lines.append([video, "shoplifting", *write])
        file = (tmp_path / "shop" / "labels.csv").as_posix()
        expected.append(LabelRow(file, number, video, *bounds, "shoplifting"))
    labels = read(tmp_path, "\n".join(map(delimiter.join, lines)))
    assert labels.problems == []
    assert [(row.row, row.video) for row in labels.rows] == [(e.row, e.video) for e in expected]
    for row, wanted in zip(labels.rows, expected, strict=True):
        assert (row.start_s, row.end_s) == pytest.approx((wanted.start_s, wanted.end_s), abs=1e-8)


WORDS = "video label start_s end_frame start end a b.mp4 1 0 normal 00:00:01 -3 1e999 é , ; |"
PIECES = st.sampled_from([*WORDS.split(), "\t", " ", "\n", "\r\n", '"', "\x00", "\ufeff"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.lists(PIECES, max_size=40).map("".join))
def test_any_bytes_give_labels_or_problems(tmp_path: Path, content: str | bytes) -> None:
    labels = read(tmp_path, content)
    assert {row.video for row in labels.rows} <= set(VIDEOS)
    assert set(labels.whole) <= set(VIDEOS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_to_a_parquet_gives_labels_or_problems(
    tmp_path: Path, data: st.DataObject
) -> None:
    file = tmp_path / "whole.parquet"
    if not file.exists():
        pd.DataFrame({"video": ["a"], "label": [1], "start_s": [0.5], "end_s": [2.0]}).to_parquet(
            file
        )
    content = bytearray(file.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    read(tmp_path, bytes(content[:cut]), "labels.parquet")


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "rows", "problem"),
    [
        ("annotations_fix.csv", 278, None),
        ("annotation_20181219.csv", 0, None),
        ("class_20181213.csv", 0, None),
        ("cross_validation_20181220_1.csv", 0, None),
        ("annotations.csv", 0, "the header has 10 names, every row 9 fields"),
        ("label.csv", 0, None),
        ("temporal_split_full.csv", 0, "no column label"),
        ("ucf_crime.csv", 0, "no column video and no label"),
    ],
)
def test_tables_found_in_the_wild(
    tmp_path: Path, corpus: Path, name: str, rows: int, problem: str | None
) -> None:
    content = (corpus / "annotations" / "wivj4zm4fpg0" / name).read_text()
    header, *lines = (line.split() for line in content.splitlines() if line)
    place = header.index("video_name") if "video_name" in header else 0
    written = {line[place] for line in lines}
    names = {word if word.endswith(".mp4") else f"{word}.mp4" for word in written}
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "labels.csv").write_text(content)
    videos = {f"shop/{video}": even_video("unlabeled", 1000.0, 30.0) for video in names}
    labels = read_labels(tmp_path, "shop", videos)
    assert len(labels.rows) == rows
    if problem is None:
        assert labels.problems == []
        assert {row.video for row in labels.rows} | set(labels.whole) == set(videos)
    else:
        assert problem in str(labels.problems[0])


@pytest.mark.corpus
def test_scores_of_frames_are_no_labels(tmp_path: Path, corpus: Path) -> None:
    files = sorted((corpus / "annotations" / "aihub_stgnf_gt").glob("*.csv"))
    assert files
    for file in files:
        assert faults(read(tmp_path, file.read_bytes())) == [(1, "header")]
