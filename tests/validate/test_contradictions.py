"""Copies under opposing labels: found on what they share, settled by choice, never learned from."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.config.data import Choice
from aislewatch.config.params import load_params
from aislewatch.frames.stretches import frame_times
from aislewatch.tables.validate import ANNOTATIONS, DUPLICATES
from aislewatch.validate.contradictions import contradictions, mark, problems, settle
from aislewatch.validate.contradictions_page import SHOWN_FRAMES, write_page
from aislewatch.validate.copies.find import Copy
from aislewatch.validate.duplicates import pair_table
from stages import segment, validate
from tests.code_closure import ROOT
from tests.films import SIZE, write_films
from tests.page_visits import visited, widths_of_pictures
from tests.validate.test_expectations import catalog_of

MIN_EVENT_S = 0.3

E = "desk/till/e.mp4"
A, B, C = "shop/normal/a.mp4", "shop/shoplifting/b.mp4", "shop/normal/c.mp4"


TIMES = frame_times(catalog_of(A, B, C))


def pairs_of(*copies: Copy) -> pd.DataFrame:
    return pair_table(catalog_of(A, B, C), copies, 0.3, TIMES)


def annotations_of(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["video", "label", "start_s", "end_s"])
    return table.astype({"video": "str", "label": "str", "start_s": float, "end_s": float})


def test_where_no_two_videos_share_anything_the_tables_keep_their_types() -> None:
    pairs = pair_table(catalog_of("shop/normal/1.mp4"), [], 0.3, TIMES)
    annotations = ANNOTATIONS.frame([("shop/normal/1.mp4", "normal", 0.0, 10.0)])
    opposed = contradictions(pairs, annotations, TIMES)
    DUPLICATES.check(mark(pairs, opposed))
    ANNOTATIONS.check(settle(annotations, opposed, "drop", 0.3))


def test_only_what_is_shared_can_contradict() -> None:
    """b is stolen from in its last two seconds; a shows b's first four or its last four."""
    annotations = annotations_of((A, "normal", 0, 10), (B, "shoplifting", 8, 10))
    first = pairs_of(Copy(A, B, 0.5, 4.0, 2.0, 6.0, 0.0, 4.0, 1.0, False))
    assert contradictions(first, annotations, TIMES).empty
    last = pairs_of(Copy(A, B, 0.5, 4.0, 2.0, 6.0, 6.0, 10.0, 1.0, False))
    found = contradictions(last, annotations, TIMES)
    assert found.to_numpy().tolist() == [[A, B, "normal", "shoplifting", 4.0, 6.0, 8.0, 10.0]]
    assert mark(last, found)["labels_conflict"].tolist() == [True]
    assert mark(first, found[:0])["labels_conflict"].tolist() == [False]


def test_times_are_told_at_the_speed_of_each() -> None:
    annotations = annotations_of((A, "normal", 0, 10), (B, "shoplifting", 2, 4))
    faster = pairs_of(Copy(A, B, 0.9, 5.0, 0.0, 10.0, 0.0, 5.0, 0.5, False))
    [row] = contradictions(faster, annotations, TIMES).to_numpy().tolist()
    assert row[4:] == [4.0, 8.0, 2.0, 4.0]


def test_less_than_half_a_second_is_how_people_differ() -> None:
    annotations = annotations_of((A, "shoplifting", 2, 5), (B, "shoplifting", 2.4, 5.4))
    same = pairs_of(Copy(A, B, 1.0, 9.0, 0.0, 10.0, 0.0, 10.0, 1.0, False))
    assert contradictions(same, annotations, TIMES).empty


WHOLE = pairs_of(Copy(A, B, 0.9, 3.0, 2.0, 5.0, 4.0, 7.0, 1.0, False))
LABELS = annotations_of((A, "normal", 0, 10), (B, "shoplifting", 0, 10), (C, "normal", 0, 10))


@pytest.mark.parametrize(
    ("choice", "losing"),
    [("drop", {A, B}), ("keep_normal", {B}), ("keep_shoplifting", {A}), ("fail", set())],
)
def test_a_choice_takes_the_label_from_who_loses(choice: Choice, losing: set[str]) -> None:
    found = contradictions(WHOLE, LABELS, TIMES)
    settled = settle(LABELS, found, choice, 0.3)
    for video, label, start, end in ((A, "normal", 2.0, 5.0), (B, "shoplifting", 4.0, 7.0)):
        own = settled[settled["video"] == video].drop(columns="video").to_numpy().tolist()
        if video in losing:
            rest = [[label, 0.0, start], ["unlabeled", start, end], [label, end, 10.0]]
            assert own == rest
        else:
            assert own == [[label, 0.0, 10.0]]
    assert settled[settled["video"] == C].to_numpy().tolist() == [[C, "normal", 0.0, 10.0]]
    [problem] = problems(found, choice)
    assert problem.level == ("error" if choice == "fail" else "warning")
    assert B in problem.problem


D = "desk/till/d.mp4"


@pytest.mark.parametrize("choice", ["drop", "keep_normal", "keep_shoplifting", "fail"])
@pytest.mark.parametrize(
    ("verdict", "label"), [("normal", "shoplifting"), ("shoplifting", "normal")]
)
def test_a_reviewers_verdict_holds_against_the_label_of_a_copy(
    choice: Choice, verdict: str, label: str
) -> None:
    """Both were dropped: what a person had said of the footage was never learned from."""
    times = frame_times(catalog_of(A, D, E))
    copies = [Copy(D, A, 0.9, 3.0, 4.0, 7.0, 2.0, 5.0, 1.0, False)]
    labels = annotations_of((A, label, 0, 10), (D, verdict, 0, 10), (E, label, 0, 10))
    pairs = pair_table(catalog_of(A, D, E), copies, 0.3, times)
    found = contradictions(pairs, labels, times)
    settled = settle(labels, found, choice, 0.3)
    said = {video: own["label"].tolist() for video, own in settled.groupby("video")}
    lost = [label] if choice == "fail" else [label, "unlabeled", label]
    assert said == {A: lost, D: [verdict], E: [label]}
    [problem] = problems(found, choice)
    assert ("the reviewer's verdict on desk/till/d.mp4 is used" in problem.problem) == (
        choice != "fail"
    )
    # Two verdicts that oppose each other: people said both, and the choice decides.
    both = [Copy(D, E, 0.9, 3.0, 2.0, 5.0, 4.0, 7.0, 1.0, False)]
    found = contradictions(pair_table(catalog_of(A, D, E), both, 0.3, times), labels, times)
    settled = settle(labels, found, choice, 0.3)
    losing = {"drop": {D, E}, "fail": set()}.get(choice, {D if choice[5:] == label else E})
    assert {str(v) for v in settled.loc[settled["label"] == "unlabeled", "video"]} == losing


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0.1, 5)), min_size=1, max_size=4),
    st.floats(0, 8),
    st.floats(1, 10),
    st.sampled_from(["drop", "keep_normal", "keep_shoplifting"]),
)
def test_nothing_contradicts_once_it_is_settled(
    events: list[tuple[float, float]], start: float, length: float, choice: Choice
) -> None:
    rows = [(B, "shoplifting", at, min(at + long, 10.0)) for at, long in events]
    annotations = annotations_of((A, "normal", 0, 10), *rows)
    pairs = pairs_of(Copy(A, B, 0.9, 3.0, 0.0, length, start, start + length, 1.0, False))
    settled = settle(annotations, contradictions(pairs, annotations, TIMES), choice, MIN_EVENT_S)
    assert contradictions(pairs, settled, TIMES).empty
    lengths_s = settled["end_s"] - settled["start_s"]
    assert (lengths_s > 0).all()
    # Events of one video may overlap here, so that only what was cut can be too short.
    before = set(annotations[annotations["label"] == "shoplifting"].itertuples(index=False))
    events = settled[settled["label"] == "shoplifting"]
    cut = [row for row in events.itertuples(index=False) if row not in before]
    assert all(row.end_s - row.start_s >= MIN_EVENT_S - 1e-9 for row in cut)


@pytest.mark.parametrize(("min_event_s", "kept"), [(0.3, []), (0.1, [(5.0, 5.2)])])
def test_what_is_left_of_an_event_is_an_event_or_unlabeled(
    min_event_s: float, kept: list[tuple[float, float]]
) -> None:
    """The copies share 2 s of a's footage; of b's event only 0.2 s lie outside."""
    annotations = annotations_of((A, "normal", 0, 10), (B, "shoplifting", 3, 5.2))
    shared = pairs_of(Copy(A, B, 0.9, 3.0, 0.0, 3.0, 2.0, 5.0, 1.0, False))
    settled = settle(annotations, contradictions(shared, annotations, TIMES), "drop", min_event_s)
    of_b = settled[settled["video"] == B]
    events = of_b[of_b["label"] == "shoplifting"]
    assert list(zip(events["start_s"], events["end_s"], strict=True)) == kept
    unlabeled = of_b[of_b["label"] == "unlabeled"]
    spans = list(zip(unlabeled["start_s"], unlabeled["end_s"], strict=True))
    assert spans == [(3.0, 5.0 if kept else 5.2)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ingest leaves: a and b show the same four seconds, c and d their own."""
    videos = [A, B, C, "shop/shoplifting/d.mp4"]
    params = yaml.safe_load(Path("params.yaml").read_text()) | {"sources": {"shop": "folder"}}
    params["frames"] = {"fps": 10, "size": SIZE}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "data/raw/shop").mkdir(parents=True)
    (tmp_path / "execution").mkdir()
    catalog = catalog_of(*videos).assign(duration_s=4.0, end_s=4.0, n_frames=40)
    write_films(tmp_path / "data", catalog, [1, 1, 2, 3])
    catalog.to_parquet(tmp_path / "data/dataset/catalog.parquet")
    (tmp_path / "data/quarantine.csv").write_text("video,reason,detail\n")
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(tmp_path / "execution"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def choose(choice: str) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["validate"]["contradictions"] = choice
    Path("params.yaml").write_text(yaml.safe_dump(params))


@pytest.mark.parametrize(
    ("choice", "used"),
    [
        ("drop", {C: 0, "shop/shoplifting/d.mp4": 1}),
        ("keep_normal", {A: 0, C: 0, "shop/shoplifting/d.mp4": 1}),
        ("keep_shoplifting", {B: 1, C: 0, "shop/shoplifting/d.mp4": 1}),
    ],
)
def test_stages_never_cut_clips_from_a_contradiction(
    project: Path, choice: str, used: dict[str, int]
) -> None:
    choose(choice)
    validate.main()
    segment.main()
    clips = pd.read_parquet("data/clips.parquet")
    assert dict(zip(clips["video"], clips["label"], strict=True)) == used
    duplicates = pd.read_csv("data/labels/duplicates.csv")
    assert duplicates[["a", "b", "labels_conflict"]].to_numpy().tolist() == [[A, B, True]]
    assert pd.read_csv("data/validation.csv")["rule"].tolist() == ["contradiction"]
    # All four were filmed in one room: one camera, which joins nothing.
    assert set(pd.read_parquet("data/labels/videos.parquet")["scene"]) == {A}


def test_the_choice_to_fail_stops_before_anything_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choose("fail")
    with pytest.raises(SystemExit, match=r"is normal here and shoplifting in .*b\.mp4"):
        validate.main()
    assert not Path("data/labels/annotations.parquet").exists()
    page = Path("reports/contradictions/index.html").read_text()
    assert "Until then the pipeline stops" in page
    assert page.count("data:image/jpeg") == 2 * SHOWN_FRAMES


def test_the_page_shows_both_side_by_side(project: Path, chromium: str) -> None:
    """In a real browser: every picture is drawn, the two rows lie beside each other."""
    validate.main()
    with visited(Path("reports/contradictions/index.html"), chromium, 1200) as (page, _):
        assert page.inner_text("h1") == "1 stretch of footage stands under both labels"
        assert all(widths_of_pictures(page))
        one, other = (page.locator(".strip").nth(n).bounding_box() for n in (0, 1))
        assert one is not None
        assert other is not None
        assert one["y"] == other["y"]
        assert one["x"] + one["width"] < other["x"]


def test_the_page_says_when_there_is_nothing(tmp_path: Path) -> None:
    nothing = contradictions(WHOLE[:0], LABELS, TIMES)
    frames = load_params(ROOT / "params.yaml").frames
    write_page(tmp_path / "r" / "page.html", nothing, "drop", catalog_of(A), tmp_path, frames)
    assert "No copies stand under opposing labels" in (tmp_path / "r/page.html").read_text()
