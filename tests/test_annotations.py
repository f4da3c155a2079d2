"""Labels of a source folder: what is read, what is refused and where; the stage validate."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.annotations import assemble, video_labels
from aislewatch.duplicates import contradictions, pair_table
from aislewatch.footage.fingerprint import CELL_COUNT
from aislewatch.sources.checks import Limits, Video, check_labels
from aislewatch.sources.folder import LabelFile, LabelRow, read_events
from stages.validate import main
from tests.test_expectations import GOOD, catalog_of

LIMITS = Limits(frame_s=0.1, min_event_s=0.3)
VIDEOS = {
    "shop/cam/shoplifting/a.mp4": Video("shoplifting", 10.0),
    "shop/cam/shoplifting/b.mp4": Video("shoplifting", 10.0),
    "shop/normal/n.mp4": Video("normal", 10.0),
    "shop/u.mp4": Video("unlabeled", 10.0),
}
HEADER = "video,start_s,end_s,label\n"
A = "cam/shoplifting/a.mp4"
REST = "cam/shoplifting/b.mp4,0,1,shoplifting\n"


def read(tmp_path: Path, text: str | bytes) -> LabelFile:
    file = tmp_path / "shop" / "events.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    labels = read_events(tmp_path, "shop")
    assert labels is not None
    return labels


def faults(tmp_path: Path, lines: str) -> list[tuple[int | None, str]]:
    labels = read(tmp_path, HEADER + lines)
    found = check_labels(labels.rows, VIDEOS, {"shop/bad.mp4"}, LIMITS)
    return [(problem.row, problem.rule) for problem in [*labels.problems, *found]]


def test_no_label_file(tmp_path: Path) -> None:
    assert read_events(tmp_path, "shop") is None


def test_windows_file_with_blanks_and_quotes(tmp_path: Path) -> None:
    text = HEADER + f'"{A}", 1.5, 2 ,shoplifting\n\n"odd, name (1).mp4",3,4,shoplifting'
    labels = read(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    where = (tmp_path / "shop" / "events.csv").as_posix()
    assert labels.problems == []
    assert labels.rows == [
        LabelRow(where, 2, f"shop/{A}", 1.5, 2.0, "shoplifting"),
        LabelRow(where, 4, "shop/odd, name (1).mp4", 3.0, 4.0, "shoplifting"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "video;start_s;end_s;label\na.mp4;1;2;shoplifting\n",
        f"{A},1,2,shoplifting\n",
        b"\xff\xfev\x00i\x00d\x00",
        HEADER + '"never closed,1,2,shoplifting\n',
    ],
    ids=["empty", "semicolons", "no header", "utf-16", "open quote"],
)
def test_unreadable_file_is_one_problem(tmp_path: Path, text: str | bytes) -> None:
    labels = read(tmp_path, text)
    assert labels.rows == []
    assert [problem.rule for problem in labels.problems] == ["malformed"]
    assert labels.problems[0].remedy


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (f"{A},1,2", "malformed"),
        (f"{A},1,2,shoplifting,9", "malformed"),
        (f"{A},1,2,theft", "known_label"),
        (f"{A},one,2,shoplifting", "start_s_number"),
        (f"{A},1,inf,shoplifting", "end_s_number"),
        (f"{A},,2,shoplifting", "start_s_number"),
        (f"{A},-1,2,shoplifting", "start_s_range"),
        (f"{A},3,2,shoplifting", "order"),
        (f"{A},2,2,shoplifting", "order"),
        (f"{A},2,2.2,shoplifting", "event_length"),
        (f"{A},9,10.2,shoplifting", "inside_video"),
        ("cam/shoplifting/A.mp4,1,2,shoplifting", "known_video"),
        ("bad.mp4,1,2,shoplifting", "quarantined"),
        ("normal/n.mp4,1,2,shoplifting", "normal_event"),
    ],
)
def test_each_fault_names_its_line(tmp_path: Path, line: str, rule: str) -> None:
    good = f"{A},4,5,shoplifting\n"
    assert faults(tmp_path, good + REST + line + "\n") == [(4, rule)]


def test_good_rows_have_no_fault(tmp_path: Path) -> None:
    times = ["0,1", "1,2", "9,10.1", "2.6,2.9"]
    lines = "".join(f"{A},{time},shoplifting\n" for time in times)
    assert faults(tmp_path, lines + REST + "u.mp4,0,10,shoplifting\n") == []


def test_repeated_and_overlapping_rows(tmp_path: Path) -> None:
    lines = f"{A},1,6,shoplifting\n{A},2,3,shoplifting\n{A},5,7,shoplifting\n{A},1,6,shoplifting\n"
    assert faults(tmp_path, lines + REST) == [
        (5, "repeated_row"),
        (3, "overlap"),
        (4, "overlap"),
    ]


def test_shoplifting_video_without_a_row(tmp_path: Path) -> None:
    assert faults(tmp_path, REST) == [(None, "has_interval")]


def test_misspelt_video_gets_a_hint(tmp_path: Path) -> None:
    labels = read(tmp_path, HEADER + "cam/shoplifting/aa.mp4,1,2,shoplifting\n")
    problem = check_labels(labels.rows, VIDEOS, set(), LIMITS)[0]
    assert "shop/cam/shoplifting/a.mp4" in problem.remedy
    assert str(problem).startswith(problem.file + " line 2")


@given(st.text(max_size=200))
def test_any_text_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    raw = (HEADER + text).encode("utf-8", "surrogatepass")
    labels = read(folder, raw)
    lines = len(text.replace("\r", "\n").split("\n"))
    assert len(labels.rows) + len(labels.problems) <= 3 * lines
    check_labels(labels.rows, VIDEOS, set(), LIMITS)


def test_assemble_folder_labels_and_events() -> None:
    row = LabelRow("events.csv", 2, "shop/shoplifting/a.mp4", 9.0, 10.05, "shoplifting")
    table = assemble(GOOD, {"shop": [row]}, LIMITS.frame_s)
    assert table[["video", "label", "start_s", "end_s"]].to_numpy().tolist() == [
        ["shop/normal/b.mp4", "normal", 0.0, 10.0],
        ["shop/shoplifting/a.mp4", "shoplifting", 9.0, 10.0],
        ["shop/unlabeled/c.mp4", "unlabeled", 0.0, 10.0],
    ]
    whole = assemble(GOOD, {}, LIMITS.frame_s)
    assert whole.loc[1, ["label", "start_s", "end_s"]].tolist() == ["shoplifting", 0.0, 10.0]


def test_pairs_of_copies_and_contradictions() -> None:
    catalog = catalog_of("s/normal/a", "s/shoplifting/b", "s/normal/c", "s/unlabeled/d")
    catalog.loc[[0, 2], "sha256"] = "f" * 64
    labels = video_labels(assemble(catalog, {}, 0.1))
    near = [("s/shoplifting/b", "s/normal/a", 0.87), ("s/unlabeled/d", "s/shoplifting/b", 0.5)]
    pairs = pair_table(catalog, near, labels)
    assert pairs.to_numpy().tolist() == [
        ["s/normal/a", "s/normal/c", 1.0, True, False],
        ["s/normal/a", "s/shoplifting/b", 0.87, False, True],
        ["s/shoplifting/b", "s/unlabeled/d", 0.5, False, False],
    ]
    (warning,) = contradictions(pairs)
    assert warning.level == "warning"
    assert "s/shoplifting/b" in warning.problem


def project(folder: Path, catalog: pd.DataFrame, events: str | None = None) -> None:
    """What validate reads, in ``folder``: the first two videos show the same motion."""
    params = yaml.safe_load(Path("params.yaml").read_text()) | {"sources": ["shop"]}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "data" / "raw" / "shop").mkdir(parents=True)
    catalog.to_parquet(folder / "data" / "catalog.parquet")
    (folder / "data" / "quarantine.csv").write_text("video,reason,detail\n")
    motion = np.random.default_rng(0).integers(-60, 60, (len(catalog), 40, CELL_COUNT))
    motion[1] = motion[0]
    signatures = [video.astype(np.int8).tobytes() for video in motion]
    table = pd.DataFrame({"video": catalog["video"], "signature": signatures})
    table.to_parquet(folder / "data" / "fingerprints.parquet")
    if events is not None:
        (folder / "data" / "raw" / "shop" / "events.csv").write_text(events)


@pytest.fixture
def execution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the stage's journal, as a flow hands it down."""
    folder = tmp_path / "execution"
    folder.mkdir()
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(folder))
    return folder


def test_stage_writes_the_same_bytes_twice(
    tmp_path: Path,
    execution: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    outputs = [
        Path("data") / n for n in ("annotations.parquet", "duplicates.csv", "validation.csv")
    ]
    main()
    first = [output.read_bytes() for output in outputs]
    shutil.rmtree("reports")
    main()
    assert [output.read_bytes() for output in outputs] == first
    duplicates = pd.read_csv("data/duplicates.csv")
    assert duplicates["labels_conflict"].tolist() == [True]
    assert pd.read_csv("data/validation.csv")["rule"].tolist() == ["contradiction"]
    assert Path("reports/data_docs/index.html").exists()


def test_stage_refuses_bad_labels_and_keeps_earlier_results(
    tmp_path: Path, execution: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, GOOD, HEADER + "shoplifting/a.mp4,8,99,shoplifting\n")
    monkeypatch.chdir(tmp_path)
    Path("data/annotations.parquet").write_bytes(b"earlier")
    with pytest.raises(SystemExit) as stopped:
        main()
    message = str(stopped.value)
    assert "data/raw/shop/events.csv line 2" in message
    assert "99" in message
    assert Path("data/annotations.parquet").read_bytes() == b"earlier"
    report = pd.read_csv("reports/validation.csv")
    assert report.loc[report["level"] == "error", "rule"].tolist() == ["inside_video"]
    assert report.loc[report["level"] == "error", "row"].tolist() == [2]


def test_stage_refuses_an_empty_catalog(
    tmp_path: Path, execution: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    GOOD.head(0).to_parquet("data/catalog.parquet")
    with pytest.raises(SystemExit, match="breaks ExpectTableRowCountToBeBetween"):
        main()
