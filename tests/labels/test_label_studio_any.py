"""Label Studio's exports: faults, any JSON and any damage."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.labels.label_studio_files import EXPORT, VIDEOS, read, task, timeline


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no JSON"),
        (b'[{"id": 1,\n]', "line 2"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"tasks": []}', "is no list of tasks"),
        (b'[{"video": "a.mp4", "label": "theft", "id": 3}]', "task 1 of the list: data"),
        ([task([timeline("theft", ("one", 10))])], "task 7: region 'r': ranges.0.start"),
        ([task([timeline("theft", (None, 10))])], "ranges.0.start"),
        (b'[{"data":{"video":"a"},"annotations":[{"result":[{"value":{"labels":["1"],'
         b'"start":NaN,"end":1}}]}]}]', "start"),
        ([task([], video="z.mp4")], "there is no video 'z.mp4'"),
        ([task([], video="\ud800.mp4")], "there is no video"),
        ([task([], video=12)], "no video is named"),
    ],
)  # fmt: skip
def test_faults(tmp_path: Path, content: object, says: str) -> None:
    labels = read(tmp_path, content)
    errors = [str(problem) for problem in labels.problems if problem.level == "error"]
    assert len(errors) == 1
    assert says in errors[0]
    assert " -> " in errors[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


KNOWN = st.sampled_from(
    ["theft", "normal", 0, -3, 1e308, 5e-324, None, [], {}, [[]], True, "a.mp4", "10"]
)


LABEL_KEYS = ("labels", "timelinelabels", "choices")


VALUES = st.fixed_dictionaries(
    {},
    optional={
        key: JSON | KNOWN | st.lists(KNOWN, max_size=2)
        for key in (*LABEL_KEYS, "start", "end", "framesCount", "duration", "text")
    }
    | {
        "ranges": st.lists(st.fixed_dictionaries({"start": KNOWN, "end": KNOWN}), max_size=2),
        "sequence": st.lists(st.fixed_dictionaries({"frame": KNOWN, "enabled": KNOWN}), max_size=3),
    },
)


RESULTS = st.lists(st.fixed_dictionaries({"id": KNOWN, "value": VALUES | JSON}), max_size=3)


ANNOTATIONS = st.fixed_dictionaries(
    {"result": RESULTS | JSON},
    optional={key: KNOWN for key in ("id", "completed_by", "was_cancelled", "ground_truth")},
)


TASKS = st.fixed_dictionaries(
    {
        "data": st.fixed_dictionaries({"video": KNOWN | JSON}, optional={"fps": KNOWN | JSON}),
        "annotations": st.lists(ANNOTATIONS, max_size=3) | JSON,
    },
    optional={"id": JSON, "file_upload": JSON},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(TASKS | JSON, max_size=3) | JSON)
def test_any_json_gives_labels_or_problems(tmp_path: Path, content: object) -> None:
    labels = read(tmp_path, content)
    assert {row.video for row in labels.rows} <= set(VIDEOS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_to_an_export_gives_labels_or_problems(
    tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(EXPORT.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    read(tmp_path, bytes(content[: data.draw(st.integers(0, len(content)))]))
