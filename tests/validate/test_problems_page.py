"""The page of what is wrong: every fact of every problem and rule, in a real browser."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from aislewatch.labels.problems import Problem, footage_problem
from aislewatch.validate import problems_page
from aislewatch.validate.expectations import check
from aislewatch.validate.problems_page import write_page
from aislewatch.validate.rules import Suite
from tests.page_visits import fits, visited
from tests.validate.test_expectations import GOOD, event, suites_of

FAULTY = [event(2, "shop/shoplifting/gone.mp4", 0.0, 1.0)]


def written(folder: Path, suites: list[Suite], *more: Problem) -> str:
    failures = check(suites)
    found = [problem for problems in failures.values() for problem in problems]
    write_page(folder, [*found, *more], suites, failures)
    return (folder / "index.html").read_text()


def tables_of(folder: Path) -> list[list[list[str]]]:
    """Read the cells of every table, row by row; the page is well-formed but for its meta tags."""
    page = re.sub(r"<meta[^>]*>|<!doctype html>", "", (folder / "index.html").read_text())
    return [
        [["".join(cell.itertext()) for cell in row] for row in table.iterfind("tbody/tr")]
        for table in ElementTree.fromstring(page).iter("table")
    ]


def test_every_fact_of_a_problem_and_of_a_rule_stands_there(tmp_path: Path) -> None:
    pair = footage_problem(
        "shop/normal/b.mp4", "contradiction", "same as a", "watch both", "warning"
    )
    suites = suites_of(GOOD, FAULTY)
    page = written(tmp_path / "docs", suites, pair)
    assert "1 error and 1 warning" in page
    problems, *tables = tables_of(tmp_path / "docs")
    assert problems == [
        [
            "error",
            "data/raw/shop/events.csv",
            "2",
            "shop/shoplifting/gone.mp4",
            "video_end_s is nan; video_end_s must be given",
            "add the file or remove the row",
            "known_video",
        ],
        [
            "warning",
            "data/raw/shop/normal/b.mp4",
            "",
            "shop/normal/b.mp4",
            "same as a",
            "watch both (pictures of both)",
            "contradiction",
        ],
    ]
    for suite, table in zip(suites, tables, strict=True):
        assert [row[:3] for row in table] == [
            [rule.name, rule.must, rule.expectation] for rule in suite.rules
        ]
    assert {row[3] for row in tables[0]} == {"holds"}
    assert [row[0] for row in tables[1] if row[3] == "fails 1 time"] == ["known_video"]
    assert "1 of 10 rules failed" in page


def test_nothing_wrong_is_said_and_an_older_site_is_gone(tmp_path: Path) -> None:
    old = tmp_path / "docs" / "validations" / "old.html"
    old.parent.mkdir(parents=True)
    old.touch()
    page = written(tmp_path / "docs", suites_of(GOOD))
    assert "Nothing is wrong" in page
    assert page.count("rules hold") == 2
    assert [file.name for file in (tmp_path / "docs").rglob("*")] == ["index.html"]


def test_names_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>&amp;.mp4"
    page = written(tmp_path / "docs", suites_of(GOOD), footage_problem(name, "x", name, name))
    assert "<script" not in page
    assert tables_of(tmp_path / "docs")[0][0][3] == name


def test_what_is_cut_off_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems_page, "MOST_SHOWN", 1)
    more = [footage_problem(f"{i}.mp4", "x", "seen", "do") for i in range(3)]
    page = written(tmp_path / "docs", suites_of(GOOD), *more)
    assert "3 errors" in page
    assert "The first 1 are shown" in page
    assert len(tables_of(tmp_path / "docs")[0]) == 1


def test_the_page_asks_for_nothing_from_the_network(tmp_path: Path, chromium: str) -> None:
    written(tmp_path / "docs", suites_of(GOOD, FAULTY))
    with visited(tmp_path / "docs/index.html", chromium, 1280) as (page, asked):
        shown = page.inner_text("body")
        assert fits(page)
    assert len(asked) == 1
    assert "gone.mp4" in shown
