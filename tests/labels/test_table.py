"""A table of labels: what its columns mean, and how it may be saved."""

from datetime import time, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aislewatch.labels.table import read_labels
from tests.even_videos import even_video
from tests.labels.tables import read, spans

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
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_tables_of_spreadsheets(tmp_path: Path, text: str, encoding: str) -> None:
    labels = read(tmp_path, text.encode(encoding))
    assert labels.problems == []
    assert spans(labels) == A_EVENT
    [line] = [n for n, line in enumerate(text.splitlines(), start=1) if line.startswith("a")]
    assert labels.rows[0].row == line


def test_not_a_number_in_parquet_is_an_empty_cell(tmp_path: Path) -> None:
    nan = float("nan")
    table = {"video": ["a", "b"], "label": [1.0, 0.0], "start_s": [1.5, nan], "end_s": [3.0, nan]}
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table(table), file)
    labels = read(tmp_path, file.read_bytes(), "labels.parquet")
    assert labels.problems == []
    assert spans(labels) == A_EVENT
    assert labels.whole == {"shop/till/b.mp4": "normal"}


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
