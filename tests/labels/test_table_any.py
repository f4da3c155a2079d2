"""A table of labels: whatever the units, the delimiter or the damage."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislewatch.labels.protocol import LabelRow
from tests.labels.tables import VIDEOS, read

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
