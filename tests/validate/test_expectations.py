"""The rules over catalog and annotations, run by the real Great Expectations."""

import dataclasses
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from aislewatch.labels.problems import Problem
from aislewatch.labels.protocol import LabelRow, Labels
from aislewatch.validate.annotations import assemble
from aislewatch.validate.expectations import check
from aislewatch.validate.rules import Suite, annotations_suite, catalog_suite
from tests.even_videos import even_videos

FRAME_S = 0.1
MIN_EVENT_S = 0.3


def catalog_of(*videos: str, **changed: Any) -> pd.DataFrame:
    """A catalog of 10 s videos; the label is the folder's."""
    rows = [
        {
            "video": video,
            "source": video.split("/")[0],
            "camera": video.split("/")[0],
            "label": video.split("/")[1],
            "sha256": f"{i:064x}",
            "frames_file": f"{i:04x}.yuv",
            "n_frames": 100,
            "store_fps": 10,
            "stretches": "0@0",
            "pictures": 250,
            "fps": 25.0,
            "width": 320,
            "height": 240,
            "duration_s": 10.0,
            "end_s": 10.0,
            "codec": "h264",
            "lost_s": 0.0,
            "notices": "",
        }
        | changed
        for i, video in enumerate(videos)
    ]
    return pd.DataFrame(rows)


def suites_of(catalog: pd.DataFrame, rows: list[LabelRow] | None = None) -> list[Suite]:
    labels = {} if rows is None else {"shop": Labels(rows)}
    annotations = assemble(even_videos(catalog), labels, FRAME_S)
    return [
        catalog_suite(catalog, annotations, ["shop"]),
        annotations_suite(annotations, catalog, FRAME_S, MIN_EVENT_S),
    ]


def event(
    row: int, video: str, start_s: float, end_s: float, label: str = "shoplifting"
) -> LabelRow:
    return LabelRow("data/raw/shop/events.csv", row, video, start_s, end_s, label)


GOOD = catalog_of("shop/shoplifting/a.mp4", "shop/normal/b.mp4", "shop/unlabeled/c.mp4")


def problems_of(suites: list[Suite]) -> list[Problem]:
    return [problem for problems in check(suites).values() for problem in problems]


def test_good_tables_pass_twice() -> None:
    for _ in range(2):
        assert check(suites_of(GOOD)) == {"catalog": [], "annotations": []}


def test_every_fault_is_found_with_its_row() -> None:
    rows = [
        event(2, "shop/shoplifting/a.mp4", 1.0, 2.0),
        event(3, "shop/shoplifting/a.mp4", 1.0, 2.0),
        event(4, "shop/shoplifting/a.mp4", 5.0, 5.2),
        event(5, "shop/shoplifting/a.mp4", 7.0, 6.0),
        event(6, "shop/shoplifting/a.mp4", 8.0, 12.0),
        event(7, "shop/shoplifting/a.mp4", -1.0, 0.5),
        event(8, "shop/shoplifting/a.mp4", float("nan"), 0.5),
        event(9, "shop/shoplifting/gone.mp4", 0.0, 1.0),
        event(10, "shop/shoplifting/a.mp4", 3.0, 3.5, "theft"),
        event(11, "shop/shoplifting/a.mp4", 9.6, 10.1),
        event(12, "shop/shoplifting/a.mp4", 0.6, 0.9),
    ]
    found = {(p.row, p.rule) for p in problems_of(suites_of(GOOD, rows))}
    assert found == {
        (2, "repeated_row"),
        (3, "repeated_row"),
        (4, "event_length"),
        (5, "order"),
        (6, "inside_video"),
        (7, "start_s_range"),
        (8, "start_s_number"),
        (9, "known_video"),
        (10, "known_label"),
    }


def test_a_video_without_an_interval_is_found() -> None:
    annotations = assemble(even_videos(GOOD), {}, FRAME_S).iloc[1:]
    suites = [catalog_suite(GOOD, annotations, ["shop"])]
    [problem] = problems_of(suites)
    assert (problem.video, problem.rule) == ("shop/normal/b.mp4", "has_interval")


def test_a_fault_without_a_line_is_blamed_on_its_file() -> None:
    """The file is named where no line can be: an export of a label tool has none."""
    rows = [LabelRow("data/raw/shop/a.json", None, "shop/normal/b.mp4", 1.0, 99.0, "shoplifting")]
    [problem] = problems_of(suites_of(GOOD, rows))
    assert (problem.file, problem.row, problem.rule) == (rows[0].file, None, "inside_video")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"n_frames": 0}, "has_frames"),
        ({"duration_s": 0.0}, "duration_range"),
        ({"fps": -1.0}, "fps_range"),
        ({"sha256": "?"}, "sha256_form"),
        ({"frames_file": "x/y.yuv"}, "frames_file_name"),
        ({"label": "theft"}, "known_folder_label"),
        ({"source": "elsewhere"}, "known_source"),
        ({"camera": None}, "camera_missing"),
    ],
)
def test_catalog_rules(changed: dict[str, Any], rule: str) -> None:
    broken = pd.concat([GOOD, catalog_of("shop/normal/z.mp4", **changed)], ignore_index=True)
    problems = problems_of(suites_of(broken)[:1])
    assert {p.rule for p in problems} == {rule}
    assert {p.video for p in problems} == {"shop/normal/z.mp4"}


def test_video_listed_twice() -> None:
    problems = problems_of(suites_of(pd.concat([GOOD, GOOD.tail(1)]))[:1])
    assert {p.rule for p in problems} == {"unique_video"}


def test_empty_tables_fail() -> None:
    problems = problems_of(suites_of(GOOD.head(0)))
    assert [(p.file, p.rule) for p in problems] == [
        ("data/dataset/catalog.parquet", "not_empty"),
        ("data/labels/annotations.parquet", "not_empty"),
    ]


def test_missing_column_is_a_failure_not_a_pass() -> None:
    suite = suites_of(GOOD)[0]
    without = dataclasses.replace(suite, table=suite.table.drop(columns="width"))
    problems = problems_of([without])
    assert [p.rule for p in problems] == ["width_range"]
    assert problems[0].problem == ("the table could not be checked: width must be at least 1")


def test_a_failure_says_what_was_seen_and_what_must_hold_in_plain_words() -> None:
    broken = pd.concat([GOOD, catalog_of("shop/normal/z.mp4", fps=-1.0)], ignore_index=True)
    rows = [event(2, "shop/shoplifting/a.mp4", 1.0, 2.0, "theft")]
    said = {problem.problem for problem in problems_of(suites_of(broken, rows))}
    assert said == {
        "fps is -1.0; fps must be above 0",
        "label is theft; label must be one of: normal, shoplifting, unlabeled",
    }


def test_the_library_is_imported_by_a_check_alone() -> None:
    """It costs 4 s of a core: the stage's module and the command line go without."""
    code = (
        "import sys, stages.validate, aislewatch.cli.main\n"
        "sys.exit('great_expectations' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
