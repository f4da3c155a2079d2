"""The rules over catalog and annotations, run by the real Great Expectations, and its pages."""

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aislewatch.labels.protocol import LabelRow, Labels
from aislewatch.validate.annotations import assemble
from aislewatch.validate.datadocs import offline
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


def test_good_tables_pass_twice_and_docs_are_whole(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    for _ in range(2):
        assert check(suites_of(GOOD), docs) == []
    pages = sorted(p.relative_to(docs).as_posix() for p in docs.rglob("*.html"))
    assert "index.html" in pages
    assert len([p for p in pages if p.startswith("validations/catalog/")]) == 1


def test_every_fault_is_found_with_its_row(tmp_path: Path) -> None:
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
    found = {(p.row, p.rule) for p in check(suites_of(GOOD, rows), tmp_path / "docs")}
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


def test_a_video_without_an_interval_is_found(tmp_path: Path) -> None:
    annotations = assemble(even_videos(GOOD), {}, FRAME_S).iloc[1:]
    suites = [catalog_suite(GOOD, annotations, ["shop"])]
    [problem] = check(suites, tmp_path / "docs")
    assert (problem.video, problem.rule) == ("shop/normal/b.mp4", "has_interval")


def test_a_fault_without_a_line_is_blamed_on_its_file(tmp_path: Path) -> None:
    """The file is named where no line can be: an export of a label tool has none."""
    rows = [LabelRow("data/raw/shop/a.json", None, "shop/normal/b.mp4", 1.0, 99.0, "shoplifting")]
    [problem] = check(suites_of(GOOD, rows), tmp_path / "docs")
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
def test_catalog_rules(tmp_path: Path, changed: dict[str, Any], rule: str) -> None:
    broken = pd.concat([GOOD, catalog_of("shop/normal/z.mp4", **changed)], ignore_index=True)
    problems = check(suites_of(broken)[:1], tmp_path / "docs")
    assert {p.rule for p in problems} == {rule}
    assert {p.video for p in problems} == {"shop/normal/z.mp4"}


def test_video_listed_twice(tmp_path: Path) -> None:
    problems = check(suites_of(pd.concat([GOOD, GOOD.tail(1)]))[:1], tmp_path / "docs")
    assert {p.rule for p in problems} == {"unique_video"}


def test_empty_tables_fail(tmp_path: Path) -> None:
    problems = check(suites_of(GOOD.head(0)), tmp_path / "docs")
    assert [(p.file, p.rule) for p in problems] == [
        ("data/catalog.parquet", "not_empty"),
        ("data/annotations.parquet", "not_empty"),
    ]


def test_missing_column_is_a_failure_not_a_pass(tmp_path: Path) -> None:
    suite = suites_of(GOOD)[0]
    without = dataclasses.replace(suite, table=suite.table.drop(columns="width"))
    problems = check([without], tmp_path / "docs")
    assert [p.rule for p in problems] == ["width_range"]
    assert "could not be evaluated" in problems[0].problem


def test_offline_removes_what_a_browser_would_fetch() -> None:
    page = (
        '<head><link rel="stylesheet" href="https://cdn.example/x.css"></head><body>'
        '<script src="https://cdn.example/x.js"></script><img src="https://cdn.example/x.png"/>'
        '<a href="https://example.org/">words</a><a href="../index.html">Home</a></body>'
    )
    clean = offline(page)
    assert "https://" not in clean
    assert "words" in clean
    assert '<a href="../index.html">Home</a>' in clean


def test_pages_ask_for_nothing_from_the_network(tmp_path: Path, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    docs = tmp_path / "docs"
    check(suites_of(GOOD, [event(2, "shop/shoplifting/gone.mp4", 0.0, 1.0)]), docs)
    remote: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda r: remote.append(r.url) if r.url.startswith("http") else None)
        seen = {}
        for file in sorted(docs.rglob("*.html")):
            page.goto(file.as_uri())
            seen[file.relative_to(docs).parts[0]] = page.inner_text("body")
            styled = page.evaluate("getComputedStyle(document.querySelector('td')).borderTopWidth")
            assert styled == "1px", file
        page.goto((docs / "index.html").as_uri())
        page.click("text=rules and failing rows >> nth=0")
        followed = page.inner_text("body")
        browser.close()
    assert remote == []
    assert "failed" in seen["index.html"]
    assert "gone.mp4" in seen["validations"] or "unexpected" in seen["validations"]
    assert "Expectation Validation Result" in followed
