"""Windows lie inside their video, and their labels follow the events."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.errors import LabelError
from aislewatch.frames.stretches import FrameTimes, Stretch
from aislewatch.segment.clips import LabelRule, Windows, overlap_with_events, segment
from stages.segment import main

FPS = 10
WINDOWS = Windows(n_frames=16, step=1, stride=8, fps=FPS)
RULE = LabelRule(positive_overlap=0.6, negative_overlap=0.1)

windows = st.builds(
    Windows, st.integers(2, 32), st.integers(1, 5), st.integers(1, 40), st.integers(1, 30)
)
seconds = st.floats(0, 100, allow_nan=False).map(lambda value: round(value, 3))


def tables(
    *videos: tuple[str, int, str, list[tuple[float, float]]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Catalog and annotations of (name, frames, label, intervals)."""
    catalog = pd.DataFrame(
        [(name, f"{name}.yuv", frames, "0@0", FPS) for name, frames, _, _ in videos],
        columns=["video", "frames_file", "n_frames", "stretches", "store_fps"],
    )
    rows = [(n, label, start, end) for n, _, label, times in videos for start, end in times]
    return catalog, pd.DataFrame(rows, columns=["video", "label", "start_s", "end_s"])


STOLEN = ("a", 160, "shoplifting", [(4.0, 8.0)])
CALM = ("b", 40, "normal", [(0.0, 4.0)])


STRETCHES = st.lists(st.tuples(st.integers(1, 900), st.integers(0, 9000)), max_size=4)


@given(windows, STRETCHES)
def test_every_window_lies_in_one_stretch_and_keeps_the_stride(
    cut: Windows, lengths: list[tuple[int, int]]
) -> None:
    stretches, tick = [], 0
    for frames, gap in lengths:
        first = stretches[-1].end if stretches else 0
        stretches.append(Stretch(first, first + frames, tick + gap))
        tick += gap + frames
    times = FrameTimes(cut.fps, tuple(stretches))
    starts, start_s = cut.starts(times)
    for stretch in stretches:
        own = starts[(starts >= stretch.first) & (starts < stretch.end)]
        assert (own + (cut.n_frames - 1) * cut.step < stretch.end).all()
        assert (np.diff(own) == cut.stride).all()
        assert (len(own) == 0) == (stretch.end - stretch.first < cut.span)
        if len(own):
            assert own[0] == stretch.first
            assert own[-1] + cut.stride + cut.span > stretch.end
    assert start_s.tolist() == [times.shown_from(start) for start in starts.tolist()]


def test_a_gap_is_neither_cut_nor_learned() -> None:
    """10 s, nothing for 10 minutes, 10 s: an event after the gap is where a player shows it."""
    catalog, annotations = tables(("a", 200, "shoplifting", [(612.0, 616.0)]), CALM)
    catalog.loc[catalog["video"] == "a", "stretches"] = "0@0 100@6100"
    clips = segment(catalog, annotations, WINDOWS, RULE).clips
    own = clips[clips["video"] == "a"]
    assert own["start"].tolist() == [*range(0, 85, 8), 100, 116, 124, 132, 140, 148, 164, 172, 180]
    assert own.loc[own["label"] == 1, "start"].tolist() == [116, 124, 132, 140, 148]


@given(seconds, st.floats(0.1, 20), st.lists(st.tuples(seconds, st.floats(0.1, 20)), max_size=4))
def test_overlap_is_a_share_and_more_events_never_lower_it(
    start: float, duration: float, events: list[tuple[float, float]]
) -> None:
    times = np.array([(first, first + length) for first, length in events]).reshape(-1, 2)
    starts = np.array([start])
    shares = [overlap_with_events(starts, duration, times[:n])[0] for n in range(len(times) + 1)]
    assert shares[0] == 0
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)


@given(st.floats(0.2, 5), st.floats(0.2, 5), st.lists(st.floats(0, 10), min_size=2, max_size=8))
def test_a_window_nearer_to_an_event_overlaps_no_less(
    duration: float, length: float, distances: list[float]
) -> None:
    centre = 50.0
    event = np.array([[centre - length / 2, centre + length / 2]])
    starts = centre + np.sort(np.array(distances)) - duration / 2
    overlap = overlap_with_events(starts, duration, event)
    assert (np.diff(overlap) <= 1e-9).all()
    labels = RULE(overlap)
    order = np.select([labels == 1, labels == -1], [2, 1], 0)
    assert (np.diff(order) <= 0).all()


@pytest.mark.parametrize(
    ("event", "share"),
    [
        ((0.0, 1.6), 1.0),
        ((0.0, 9.0), 1.0),
        ((0.5, 0.9), 1.0),
        ((1.6, 5.0), 0.0),
        ((0.8, 9.0), 0.5),
        ((1.3, 2.3), 0.3),
    ],
    ids=["equal", "inside a long event", "holds a short event", "touching", "half", "a third"],
)
def test_overlap_by_hand(event: tuple[float, float], share: float) -> None:
    overlap = overlap_with_events(np.array([0.0]), WINDOWS.duration_s, np.array([event]))
    assert overlap.tolist() == [share]


def test_the_limits_belong_to_the_labels() -> None:
    assert RULE(np.array([0.0, 0.1, 0.100001, 0.599999, 0.6, 1.0])).tolist() == [0, 0, -1, -1, 1, 1]


def test_segment_counts_what_it_leaves_out() -> None:
    short = ("c", 15, "normal", [(0.0, 1.5)])
    unknown = ("d", 100, "unlabeled", [(0.0, 10.0)])
    done = segment(*tables(unknown, CALM, STOLEN, short), WINDOWS, RULE)
    assert done.counts() == {
        "clips": 21,
        "positive": 4,
        "negative": 17,
        "ambiguous_dropped": 2,
        "unlabeled_dropped": 11,
        "too_short_videos": 1,
        "unlabeled_videos": 1,
    }
    assert done.too_short == ["c"]
    stolen = done.clips[done.clips["video"] == "a"]
    assert stolen.loc[stolen["label"] == 1, "start"].tolist() == [40, 48, 56, 64]
    assert done.clips["frames_file"].tolist() == [f"{v}.yuv" for v in done.clips["video"]]
    assert done.clips.equals(done.clips.sort_values(["video", "start"], ignore_index=True))


def test_a_window_that_touches_an_unlabeled_part_is_left_out() -> None:
    catalog, annotations = tables(STOLEN, CALM, ("d", 100, "unlabeled", [(0.1, 1.6), (5.0, 5.1)]))
    done = segment(catalog, annotations, WINDOWS, RULE)
    starts = done.clips.loc[done.clips["video"] == "d", "start"].tolist()
    assert starts == [16, 24, 32, 56, 64, 72, 80]
    assert done.unlabeled == []
    assert done.unlabeled_dropped == 4


@given(st.randoms())
def test_order_of_rows_does_not_matter(random: object) -> None:
    catalog, annotations = tables(STOLEN, CALM, ("e", 90, "shoplifting", [(0, 2), (5, 9)]))
    seed = random.randrange(1000)  # type: ignore[attr-defined]
    mixed = [table.sample(frac=1, random_state=seed) for table in (catalog, annotations)]
    expected = segment(catalog, annotations, WINDOWS, RULE).clips
    assert segment(*mixed, WINDOWS, RULE).clips.equals(expected)


def test_refusals_say_what_is_missing() -> None:
    with pytest.raises(LabelError, match="none is shoplifting"):
        segment(*tables(CALM), WINDOWS, RULE)
    with pytest.raises(LabelError, match="none is normal"):
        segment(*tables(("a", 40, "shoplifting", [(0.0, 4.0)])), WINDOWS, RULE)
    with pytest.raises(LabelError, match=r"no clip could be cut: 1 video\(s\) are shorter"):
        segment(*tables(("a", 10, "normal", [(0.0, 1.0)])), WINDOWS, RULE)


def test_the_stage_refuses_clips_below_the_papers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["segment"]["n_frames"] = 8
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SystemExit, match=r"segment\.n_frames is 8, and the paper's clips have 16 to"
    ):
        main()


def test_stage_writes_the_same_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = tmp_path / "execution"
    (tmp_path / "data/dataset").mkdir(parents=True)
    (tmp_path / "data/labels").mkdir()
    execution.mkdir()
    params = yaml.safe_load(Path("params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    catalog, annotations = tables(STOLEN, CALM)
    catalog.to_parquet(tmp_path / "data/dataset/catalog.parquet")
    annotations.to_parquet(tmp_path / "data/labels/annotations.parquet")
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(execution))
    monkeypatch.chdir(tmp_path)
    outputs = [Path("data/clips.parquet"), Path("metrics/segment.json")]
    main()
    first = [output.read_bytes() for output in outputs]
    main()
    assert [output.read_bytes() for output in outputs] == first
    clips = pd.read_parquet(outputs[0])
    assert clips.dtypes.astype(str).to_dict() == {
        "video": "str",
        "frames_file": "str",
        "start": "int64",
        "label": "int64",
        "overlap": "float64",
    }
