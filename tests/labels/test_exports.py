"""Label files of other tools, and those that lie unread: named as what they are, with a way out."""

import json
from pathlib import Path
from typing import get_args

import pytest

from aislewatch.config.data import Layout
from aislewatch.labels.checks import Limits
from aislewatch.labels.layouts import read_source
from aislewatch.labels.problems import Problem
from tests.even_videos import even_video

LIMITS = Limits(frame_s=0.1, min_event_s=0.3)
VIDEOS = {
    "shop/shoplifting/a.mp4": even_video("shoplifting", 30.0, 25.0),
    "shop/normal/b.mp4": even_video("normal", 30.0, 25.0),
}

EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-03-03T10:00:00+01:00" FORMAT="3.0" VERSION="3.0">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/cctv/a.mp4" MIME_TYPE="video/mp4"/>
    </HEADER>
    <TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="7000"/></TIME_ORDER>
</ANNOTATION_DOCUMENT>
"""
ELAN_TAB = "theft\t\t00:00:07.000\t7.0\t00:00:09.000\t9.0\t00:00:02.000\t2.0\tshoplifting\n"
ELAN_HEADER = (
    "Tier\tBegin Time - hh:mm:ss.ms\tEnd Time - hh:mm:ss.ms\tDuration - hh:mm:ss.ms\tdefault\n"
    "theft\t00:00:07.000\t00:00:09.000\t00:00:02.000\tshoplifting\n"
)
BORIS_AGGREGATED = (
    "Observation id,Observation date,Description,Media file,Total length,FPS,Subject,Behavior,"
    "Behavioral category,Modifiers,Behavior type,Start (s),Stop (s),Duration (s)\n"
    "monday,2026-03-03 10:00:00,,C:/cctv/a.mp4,30.0,25,man,shoplifting,,,STATE,7.0,9.0,2.0\n"
)
BORIS_TABULAR = (
    "Observation id\tmonday\n\nMedia file(s)\n\nTime\tMedia file path\tTotal length\tFPS\tSubject\t"
    "Behavior\tStatus\n7.0\tC:/cctv/a.mp4\t30\t25\tman\tshoplifting\tSTART\n"
)
BORIS_PROJECT = json.dumps({"time_format": "hh:mm:ss", "behaviors_conf": {}, "observations": {}})
VIA_3_CSV = (
    "# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)\n"
    "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata\n"
    '"1_x","[""a.mp4""]",0,"[7,9]","[]","{""1"":""shoplifting""}"\n'
)
VIA_3_OLD = (
    "metadata_id,file_list,temporal_segment_start,temporal_segment_end,metadata\n"
    '1,"[""a.mp4""]",7,9,"{""1"":""shoplifting""}"\n'
)
VIA_3_JSON = json.dumps({"project": {"pid": "x", "vid_list": ["1"]}, "metadata": {}, "file": {}})
VIA_2_CSV = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    'region_attributes\na.mp4,1,"{}",1,0,"{}","{}"\n'
)
VIA_2_JSON = json.dumps({"_via_settings": {}, "_via_img_metadata": {}})
CVAT = "<?xml version='1.0'?>\n<annotations>\n  <version>1.1</version>\n  <meta/></annotations>"
LABEL_STUDIO = json.dumps([{"id": 1, "annotations": [{"completed_by": 2, "result": []}]}])
UCF = "Shoplifting001_x264.mp4  Shoplifting  1550  2000  -1  -1\n"
DCSASS = "Shoplifting001_x264_0,Shoplifting,0\n"

FILES = [
    ("a.eaf", EAF, "ELAN"),
    ("labels.csv", ELAN_TAB, "ELAN"),
    ("labels.tsv", ELAN_HEADER, "ELAN"),
    ("a.txt", ELAN_TAB, "ELAN"),
    ("labels.csv", BORIS_AGGREGATED, "BORIS"),
    ("events.csv", BORIS_AGGREGATED, "BORIS"),
    ("labels.tsv", BORIS_TABULAR, "BORIS"),
    ("project.boris", BORIS_PROJECT, "BORIS"),
    ("labels.csv", VIA_3_CSV, "VIA"),
    ("events.csv", VIA_3_OLD, "VIA"),
    ("via.json", VIA_3_JSON, "VIA"),
    ("labels.csv", VIA_2_CSV, "VIA"),
    ("via.json", VIA_2_JSON, "VIA"),
    ("labels.xlsx", "PK", "spreadsheet"),
    ("a.xml", EAF, "ELAN"),
]


def read(tmp_path: Path, layout: str, **files: str) -> list[Problem]:
    for name, text in files.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_source(tmp_path, "shop", layout, VIDEOS, LIMITS).problems  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize(("name", "text", "tool"), FILES)
def test_the_tool_is_named_with_a_way_out(
    tmp_path: Path, layout: str, name: str, text: str, tool: str
) -> None:
    problems = read(tmp_path, layout, **{name: text})
    [problem] = [p for p in problems if p.file.endswith(f"/{name}")]
    assert problem.rule == "export"
    assert tool in problem.problem
    assert f"which the layout {layout} does not read" in problem.problem
    assert "save" in problem.remedy


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("labels/a.xml", CVAT, "cvat"),
        ("project-3.json", LABEL_STUDIO, "label_studio"),
        ("Temporal_Anomaly_Annotation.txt", UCF, "ucf_crime"),
        ("Labels/Shoplifting.csv", DCSASS, "dcsass"),
    ],
)
def test_the_right_layout_is_named(
    tmp_path: Path, layout: str, name: str, text: str, right: str
) -> None:
    told = [p for p in read(tmp_path, layout, **{name: text}) if p.rule == "export"]
    if layout == right or {layout, right} == {"ucf_crime", "dcsass"}:
        assert told == []
    else:
        assert [f"layout to {right} in params.yaml" in p.remedy for p in told] == [True]


def test_a_table_that_no_layout_reads_is_told_once(tmp_path: Path) -> None:
    text = "video,start_s,end_s,label\na.mp4,7,9,shoplifting\n"
    names = ("till/events.csv", "annotations.tsv", "a.srt", "manifest.json", "readme.txt")
    problems = read(tmp_path, "folder", **dict.fromkeys(names, text))
    [problem] = problems
    assert (problem.level, problem.rule) == ("warning", "unread")
    assert "a.srt, annotations.tsv, till/events.csv" in problem.problem


@pytest.mark.parametrize(
    ("layout", "name", "text"),
    [
        ("folder", "coco.json", '{"images": [], "annotations": [], "categories": []}'),
        ("folder", "activitynet.json", '{"database": {"a": {"segments": [[7, 9]]}}}'),
        ("cvat", "labels.csv", "video,label\n"),
        ("table", "voc.xml", "<object><label>theft</label></object>"),
        ("folder", "labels.txt", "a.mp4 7 9 theft\n"),
        ("ucf_crime", "own.txt", UCF),
    ],
)
def test_what_may_hold_labels_is_told(tmp_path: Path, layout: str, name: str, text: str) -> None:
    told = [p.problem for p in read(tmp_path, layout, **{name: text}) if p.rule == "unread"]
    assert told == [f"not read in the layout {layout}: {name}"]


def test_a_converted_export_beside_its_original(tmp_path: Path) -> None:
    """BORIS's own columns, with the two that the remedy has renamed."""
    table = BORIS_AGGREGATED.replace("Media file", "video").replace("Behavior,", "label,", 1)
    table = table.replace("C:/cctv/a.mp4", "a.mp4") + "\n,,,b.mp4,,,,normal,,,,0,30,30\n"
    problems = read(tmp_path, "table", **{"labels.csv": table, "monday.boris": BORIS_PROJECT})
    assert [(p.level, p.rule) for p in problems] == [("warning", "export")]
    labels = read_source(tmp_path, "shop", "table", VIDEOS, LIMITS)
    assert [(row.start_s, row.end_s, row.label) for row in labels.rows] == [
        (7.0, 9.0, "shoplifting"),
        (0.0, 30.0, "normal"),
    ]
