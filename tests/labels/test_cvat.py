"""CVAT 1.1 XML: files written by datumaro, files in the wild, exports of tasks and projects."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislewatch.labels.protocol import Labels
from tests.labels.cvat_files import DATA, document, read, spans, task

A, B = "shop/till/a.mp4", "shop/till/b.mp4"


def track(label: str, *shapes: tuple[int, int], extra: str = "") -> str:
    boxes = "".join(
        f'<box frame="{frame}" outside="{outside}" xtl="1" ytl="1" xbr="2" ybr="2"/>'
        for frame, outside in shapes
    )
    return f'<track id="0" label="{label}" {extra}>{boxes}</track>'


def rules(labels: Labels) -> list[tuple[int | None, str]]:
    return [(problem.row, problem.rule) for problem in labels.problems]


def test_tracks_as_datumaro_writes_them(tmp_path: Path) -> None:
    labels = read(tmp_path, (DATA / "tracked.xml").read_bytes())
    assert spans(labels) == [
        ("shop/tracked.mp4", 0.5, 1.2, "shoplifting"),
        ("shop/tracked.mp4", 2.0, 3.0, "shoplifting"),
    ]
    assert [(p.level, p.rule) for p in labels.problems] == [("warning", "unused_label")]
    assert "1 tracks or tags labelled 'person'" in labels.problems[0].problem


def test_tags_of_frames_as_datumaro_writes_them(tmp_path: Path) -> None:
    labels = read(tmp_path, (DATA / "tagged.xml").read_bytes())
    assert spans(labels) == [("shop/tagged.mp4", 1.0, 1.5, "shoplifting")]
    assert labels.problems == []


def test_the_line_of_a_track_is_its_row(tmp_path: Path) -> None:
    text = document(task(), track("normal", (0, 0)), track("theft", (10, 0), (20, 1)))
    labels = read(tmp_path, text)
    assert spans(labels) == [(A, 1.0, 2.0, "shoplifting")]
    assert labels.rows[0].row == 1 + text[: text.index("theft")].count("\n")


def test_two_thieves_at_once_are_one_event(tmp_path: Path) -> None:
    first, second = track("theft", (10, 0), (30, 1)), track("theft", (20, 0), (40, 1))
    assert spans(read(tmp_path, document(task(), second, first))) == [(A, 1.0, 4.0, "shoplifting")]


def test_a_track_without_an_end_holds_for_its_last_step(tmp_path: Path) -> None:
    meta = task(start_frame="0", stop_frame="99", frame_filter="step=5")
    labels = read(tmp_path, document(meta, track("theft", (87, 0), (92, 0))))
    assert spans(labels) == [(A, 8.7, 9.7, "shoplifting")]
    labels = read(tmp_path, document(meta, track("theft", (92, 0), (97, 0))))
    assert spans(labels) == [(A, 9.2, 10.0, "shoplifting")]


def test_what_a_task_leaves_out_is_unlabeled(tmp_path: Path) -> None:
    meta = task(start_frame="20", stop_frame="59")
    labels = read(tmp_path, document(meta, track("theft", (30, 0), (40, 1))))
    assert spans(labels) == [
        (A, 3.0, 4.0, "shoplifting"),
        (A, 0.0, 2.0, "unlabeled"),
        (A, 6.0, 10.0, "unlabeled"),
    ]


def test_a_task_covers_its_last_step(tmp_path: Path) -> None:
    meta = task(start_frame="0", stop_frame="45", frame_filter="step=5")
    labels = read(tmp_path, document(meta, track("theft", (0, 0), (10, 1))))
    assert spans(labels)[1:] == [(A, 5.0, 10.0, "unlabeled")]


@pytest.mark.parametrize(
    ("fields", "level", "says"),
    [
        ({"stop_frame": "99"}, None, ""),
        ({"stop_frame": "100"}, None, ""),
        ({"stop_frame": "96", "frame_filter": "step=8"}, None, ""),
        ({"size": "250", "stop_frame": "249"}, "error", "250 frames were labelled, the video has"),
        ({"size": "250"}, "error", "250 frames were labelled, the video has 100: its times do"),
        ({"stop_frame": "49"}, "warning", "the first 50 frames were labelled, the video has 100"),
        ({"size": "10", "frame_filter": "step=5"}, "warning", "the first 50 frames were labelled"),
    ],
)
def test_a_count_that_is_not_the_videos_is_told(
    tmp_path: Path, fields: dict[str, str], level: str | None, says: str
) -> None:
    """a.mp4 has 100 pictures."""
    more = {name: text for name, text in fields.items() if name != "size"}
    meta = task("a.mp4", size=int(fields.get("size", "100")), **more)
    labels = read(tmp_path, document(meta, track("theft", (10, 0), (20, 1))))
    assert [(p.level, p.row) for p in labels.problems] == ([(level, 3)] if level else [])
    assert all(problem.problem.startswith(says) for problem in labels.problems)
    # What was counted in another film has no times in this one.
    assert [row.label for row in labels.rows][:1] == ([] if level == "error" else ["shoplifting"])


def test_two_tasks_may_share_a_video(tmp_path: Path) -> None:
    first = document(task(start_frame="0", stop_frame="49"), track("theft", (10, 0), (20, 1)))
    second = document(task(start_frame="50", stop_frame="99"), track("theft", (60, 0), (70, 1)))
    labels = read(tmp_path, first, second)
    assert spans(labels) == [(A, 1.0, 2.0, "shoplifting"), (A, 6.0, 7.0, "shoplifting")]
    assert len({row.file for row in labels.rows}) == 2


def test_nothing_labelled_is_normal_only_where_it_could_have_been(tmp_path: Path) -> None:
    labels = read(tmp_path, document(task()))
    assert labels.whole == {A: "normal"}
    assert [(p.level, p.video) for p in labels.problems] == [("warning", A)]
    labels = read(tmp_path, document(task(labels="person")))
    assert not labels.whole
    assert "stays unlabeled" in labels.problems[0].remedy
    labels = read(tmp_path, document(task(labels="person"), track("normal", (0, 0))))
    assert (labels.whole, labels.problems) == ({A: "normal"}, [])


def test_an_unlabeled_track_takes_its_frames_out(tmp_path: Path) -> None:
    labels = read(tmp_path, document(task(), track("ignore", (10, 0), (20, 1))))
    assert spans(labels) == [(A, 1.0, 2.0, "unlabeled")]


def test_a_project_counts_its_frames_on(tmp_path: Path) -> None:
    """CVAT adds to a task's frames those of the tasks of its subset before it, by number."""
    tasks = [
        task("b.mp4", number=7, size=500, subset="train"),
        task("a.mp4", number=5, size=23, subset="train", start_frame="10", frame_filter="step=4"),
        task("t.mp4", number=9, size=22, subset="val"),
    ]
    text = document(
        f"<project><tasks>{''.join(tasks)}</tasks></project>",
        track("theft", (14, 0), (18, 1), extra='task_id="5" subset="train"'),
        track("theft", (102 + 50, 0), (102 + 75, 1), extra='task_id="7" subset="train"'),
        track("theft", (5, 0), (10, 1), extra='task_id="9" subset="val"'),
        track("theft", (5, 0), (10, 1), extra='task_id="11"'),
    )
    labels = read(tmp_path, text)
    assert [span for span in spans(labels) if span[3] == "shoplifting"] == [
        ("shop/t.mp4", 0.5, 1.0, "shoplifting"),
        (A, 1.4, 1.8, "shoplifting"),
        (B, 2.0, 3.0, "shoplifting"),
    ]
    assert [rule for _, rule in rules(labels)] == ["known_task"]


@pytest.mark.parametrize(
    ("meta", "video"),
    [
        (task("Job for Eve") + "<source>a.mp4</source>", A),
        (task("Job for Eve") + "<source>share/till/a.mp4</source>", A),
        (task("a") + "<source>unknown.mp4</source>", A),
        (task("till/a.mp4"), A),
        (task("x", size=500).replace("task>", "job>") + "<source>b.mp4</source>", B),
    ],
)
def test_the_video_of_a_task(tmp_path: Path, meta: str, video: str) -> None:
    assert read(tmp_path, document(meta)).whole == {video: "normal"}


FRAMES = st.lists(st.booleans(), min_size=1, max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(FRAMES, st.integers(1, 7), st.integers(0, 20), st.randoms(use_true_random=False))
def test_events_are_the_visible_frames(
    tmp_path: Path, visible: list[bool], step: int, start: int, rng: object
) -> None:
    """Whatever the step and first frame, and in whatever order the frames are written."""
    frames = [start + step * index for index in range(len(visible))]
    shapes = [(frame, int(not seen)) for frame, seen in zip(frames, visible, strict=True)]
    rng.shuffle(shapes)  # type: ignore[attr-defined]
    meta = task(
        "b.mp4", start_frame=str(start), stop_frame=str(frames[-1]), frame_filter=f"step={step}"
    )
    found = read(tmp_path, document(meta, track("theft", *shapes)))
    events = [span for span in spans(found) if span[3] == "shoplifting"]
    for frame, seen in zip(frames, visible, strict=True):
        middle = (frame + step / 2) / 25.0
        assert any(first < middle < end for _, first, end, _ in events) == seen
