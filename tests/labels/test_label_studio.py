"""Label Studio exports: one written by its SDK, every kind of region, annotators who disagree."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislewatch.labels.protocol import Labels
from tests.labels.label_studio_files import EXPORT, read, region, task, timeline

A, B = "shop/till/a.mp4", "shop/door/b.mp4"


def rectangle(*keys: tuple[int, bool], frames: int | None = 100) -> dict[str, Any]:
    sequence = [{"frame": frame, "enabled": enabled} for frame, enabled in keys]
    counted = {"framesCount": frames, "duration": 10.0} if frames else {}
    return region("videorectangle", sequence=sequence, labels=["theft"], **counted)


def spans(labels: Labels) -> list[tuple[str, float, float, str]]:
    return [
        (row.video, round(row.start_s, 6), round(row.end_s, 6), row.label) for row in labels.rows
    ]


def rules(labels: Labels) -> list[tuple[str, str]]:
    return [(problem.level, problem.rule) for problem in labels.problems]


def test_an_export_written_by_the_sdk(tmp_path: Path) -> None:
    labels = read(tmp_path, EXPORT.read_bytes())
    assert spans(labels) == [
        ("shop/box (1).mp4", 0.4, 0.8, "shoplifting"),
        ("shop/box (1).mp4", 2.4, 3.99, "shoplifting"),
        ("shop/till (1).mp4", 1.0, 2.0, "shoplifting"),
    ]
    assert labels.whole == {"shop/whole.mp4": "shoplifting", "shop/quiet.mp4": "normal"}
    assert [(p.level, p.rule, p.video) for p in labels.problems] == [
        ("warning", "unused_label", ""),
        ("warning", "nothing", "shop/waiting.mp4"),
        ("error", "disagreement", "shop/disputed.mp4"),
    ]
    assert "'Person' (1)" in labels.problems[0].problem
    assert "by 1 and task 5, annotation" in labels.problems[2].problem


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (timeline("theft", (1, 10), (21, 30)), [(0.0, 1.0), (2.0, 3.0)]),
        (timeline("theft", (11, 11)), [(1.0, 1.1)]),
        (rectangle((11, True), (20, False)), [(1.0, 2.0)]),
        (rectangle((11, True), (15, True), (20, False), (31, True)), [(1.0, 2.0), (3.0, 10.0)]),
        (rectangle((20, False), (11, True)), [(1.0, 2.0)]),
        (rectangle((91, True), frames=None), [(9.0, 10.0)]),
        (region("labels", start=1.25, end=2.5, channel=0, labels=["theft"]), [(1.25, 2.5)]),
        (region("choices", ranges=[{"start": 1, "end": 10}], choices=["theft"]), [(0.0, 1.0)]),
    ],
)
def test_regions(
    tmp_path: Path, result: dict[str, Any], expected: list[tuple[float, float]]
) -> None:
    labels = read(tmp_path, [task([result])])
    assert spans(labels) == [(A, *bounds, "shoplifting") for bounds in expected]
    assert labels.problems == []


def of_length(**stated: object) -> dict[str, Any]:
    """A rectangle from frame 11 to 20, and what Label Studio states of the video."""
    keys = [{"frame": 11, "enabled": True}, {"frame": 20, "enabled": False}]
    return region("videorectangle", sequence=keys, labels=["theft"], **stated)


@pytest.mark.parametrize(
    ("result", "fps", "expected"),
    [
        (of_length(framesCount=100, duration=10.0), None, []),
        (of_length(framesCount=262, duration=10.9), None, []),
        (of_length(framesCount=250, duration=25.0), None, [("warning", "a video of 25.0 s was")]),
        (of_length(framesCount=60, duration=6.0), None, [("warning", "a video of 6.0 s was")]),
        (of_length(duration=25.0), 10, [("warning", "a video of 25.0 s was")]),
        (of_length(framesCount=250), 10, [("warning", "a video of 25.0 s was")]),
        (of_length(framesCount=240), 24, []),
        (
            of_length(framesCount=250),
            None,
            [("error", "250 frames were"), ("warning", "no rate of frames")],
        ),
        (of_length(framesCount=101), None, [("warning", "no rate of frames")]),
        (
            region("labels", start=1, end=2, labels=["theft"]) | {"original_length": 25.04},
            None,
            [("warning", "a video of 25.0 s was labelled, this one has pictures until 10.0 s")],
        ),
        (region("labels", start=1, end=2, labels=["theft"]) | {"original_length": 10}, None, []),
    ],
)
def test_a_length_that_is_not_the_videos_is_told(
    tmp_path: Path, result: dict[str, Any], fps: int | None, expected: list[tuple[str, str]]
) -> None:
    """a.mp4 has 100 pictures in 10 s."""
    labels = read(tmp_path, [task([result], fps=fps)])
    assert [problem.video for problem in labels.problems[:1]] in ([A], [""], [])
    assert len(labels.problems) == len(expected)
    for problem, (level, words) in zip(labels.problems, expected, strict=True):
        assert (problem.level, problem.problem[: len(words)]) == (level, words)


def test_frames_are_those_that_label_studio_counted(tmp_path: Path) -> None:
    """A configuration that states no rate counts 24 a second, whatever the video's own is."""
    counted = read(tmp_path, [task([rectangle((25, True), (48, False), frames=240)], fps=None)])
    assert (spans(counted), counted.problems) == ([(A, 1.0, 2.0, "shoplifting")], [])
    told = read(tmp_path, [task([timeline("theft", (25, 48))], fps="24")])
    assert (spans(told), told.problems) == ([(A, 1.0, 2.0, "shoplifting")], [])
    assumed = read(tmp_path, [task([timeline("theft", (11, 20))], fps=None)])
    assert spans(assumed) == [(A, 1.0, 2.0, "shoplifting")]
    assert rules(assumed) == [("warning", "frame_rate")]


@pytest.mark.parametrize(
    "written",
    [
        "a.mp4",
        "till/a.mp4",
        "/data/upload/3/0123abcd-a.mp4",
        "https://example.org/media/0123abcd-a.mp4?X-Amz-Signature=1#t=2",
        "/data/local-files/?d=videos%2Fshop/till/a.mp4",
        "gs://bucket/a.mp4",
        "/home/eve/a.mp4",
        "C:\\footage\\shop\\till\\a.mp4",
    ],
)
def test_how_a_video_is_named(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, [task([], video=written)]).whole == {A: "normal"}


def test_an_upload_without_a_usual_key(tmp_path: Path) -> None:
    upload = {**task([], video=None), "file_upload": "0123abcd-till_1.mp4"}
    other = task([], video=None, clip="/data/upload/3/0123abcd-b.mp4", remark="a")
    assert read(tmp_path, [upload, other]).whole == {"shop/till (1).mp4": "normal", B: "normal"}


def test_only_what_was_submitted_counts(tmp_path: Path) -> None:
    cancelled = {"id": 1, "was_cancelled": True, "result": [timeline("theft", (1, 10))]}
    labels = read(tmp_path, [task(cancelled), task(cancelled, [], video="b")])
    assert labels.whole == {B: "normal"}
    assert [(p.level, p.rule, p.video) for p in labels.problems] == [("warning", "nothing", A)]


def test_annotators_agree_but_for_a_second(tmp_path: Path) -> None:
    first, near, far = ([timeline("theft", bounds)] for bounds in ((11, 30), (20, 40), (22, 40)))
    agreed = read(tmp_path, [task(first, near)])
    assert (spans(agreed), agreed.problems) == ([(A, 1.0, 3.0, "shoplifting")], [])
    disputed = read(tmp_path, [task(first, far)])
    assert (disputed.rows, rules(disputed)) == ([], [("error", "disagreement")])
    assert "annotation 51 by 1 and task 7, annotation 52 by 2" in disputed.problems[0].problem
    truth = {"id": 3, "ground_truth": True, "completed_by": {"email": "e@x"}, "result": far}
    assert spans(read(tmp_path, [task(first, truth)])) == [(A, 2.1, 4.0, "shoplifting")]


def test_tasks_of_one_video_in_two_exports_must_agree(tmp_path: Path) -> None:
    labels = read(tmp_path, [task([])], [task([timeline("theft", (1, 9))])])
    assert rules(labels) == [("error", "disagreement")]


@pytest.mark.parametrize(
    ("results", "whole", "rows", "rule"),
    [
        ([], "normal", 0, None),
        ([region("choices", choices=["theft"])], "shoplifting", 0, None),
        ([region("choices", choices=["unknown"])], "unlabeled", 0, None),
        ([timeline("normal", (1, 50))], "normal", 0, None),
        ([timeline("ignore", (1, 50))], None, 1, None),
        ([timeline("ignore", (1, 50)), region("choices", choices=["normal"])], None, 1, None),
        ([timeline("theft", (1, 50)), region("choices", choices=["theft"])], None, 1, None),
        ([timeline("theft", (1, 50)), region("choices", choices=["normal"])], None, 0, "one_label"),
        ([timeline("ignore", (1, 5)), region("choices", choices=["theft"])], None, 0, "one_label"),
        ([region("choices", choices=["normal", "theft"])], None, 0, "one_label"),
        ([region("choices", choices=["night"])], None, 0, "unused_label"),
        ([region("textarea", text=["looks odd"])], None, 0, "nothing"),
        ([{"type": "relation", "from_id": "a", "to_id": "b"}], "normal", 0, None),
    ],
)
def test_what_an_annotation_says_of_the_whole(
    tmp_path: Path, results: list[Any], whole: str | None, rows: int, rule: str | None
) -> None:
    labels = read(tmp_path, [task(results)])
    assert labels.whole == ({A: whole} if whole else {})
    assert len(labels.rows) == rows
    assert rule in [problem.rule for problem in labels.problems] or not rule
    assert bool(labels.problems) == bool(rule)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_events_are_the_frames_that_were_marked(tmp_path: Path, marked: list[bool]) -> None:
    """Each frame its own range, of a video of as many frames as there are."""
    ranges = [(frame, frame) for frame, chosen in enumerate(marked, start=1) if chosen]
    found = spans(read(tmp_path, [task([timeline("theft", *ranges)] if ranges else [])]))
    for frame, chosen in enumerate(marked):
        middle = (frame + 0.5) / 10
        assert any(start < middle < end for _, start, end, _ in found) == chosen
