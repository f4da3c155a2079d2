"""The stage validate as a whole: what it writes, what it refuses, what it keeps."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from stages.validate import main
from tests.validate.stage_project import HEADER, project
from tests.validate.test_expectations import GOOD


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
        *(Path("data/labels", name) for name in ("annotations.parquet", "videos.parquet")),
        *(Path("data/labels/duplicates.csv"), Path("data/validation.csv")),
    ]
    main()
    first = [output.read_bytes() for output in outputs]
    shutil.rmtree("reports")
    main()
    assert [output.read_bytes() for output in outputs] == first
    duplicates = pd.read_csv("data/labels/duplicates.csv")
    assert duplicates["labels_conflict"].tolist() == [True]
    assert pd.read_csv("data/validation.csv")["rule"].tolist() == ["contradiction"]
    assert Path("reports/data_docs/index.html").exists()


def test_stage_refuses_bad_labels_and_keeps_earlier_results(
    tmp_path: Path, execution: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, GOOD, HEADER + "shoplifting/a.mp4,8,99,shoplifting\n")
    monkeypatch.chdir(tmp_path)
    Path("data/labels").mkdir()
    Path("data/labels/annotations.parquet").write_bytes(b"earlier")
    with pytest.raises(SystemExit) as stopped:
        main()
    message = str(stopped.value)
    assert "data/raw/shop/events.csv line 2" in message
    assert "99" in message
    assert Path("data/labels/annotations.parquet").read_bytes() == b"earlier"
    report = pd.read_csv("reports/validation.csv")
    assert report.loc[report["level"] == "error", "rule"].tolist() == ["inside_video"]
    assert report.loc[report["level"] == "error", "row"].tolist() == [2]


def test_stage_refuses_an_empty_catalog(
    tmp_path: Path, execution: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    GOOD.head(0).to_parquet("data/dataset/catalog.parquet")
    with pytest.raises(SystemExit, match="the table must have at least 1 row and has 0"):
        main()
