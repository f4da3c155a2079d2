"""The whole pipeline on real footage: a registered model, no copies on two sides."""

import csv
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.projects import make_project, mlflow_client, run, runs

SOURCES = {"mnnit": "folder", "cctv": "folder", "broken": "folder"}


@pytest.fixture(scope="module")
def real(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after ``dvc repro`` on the real footage."""
    folder = make_project(tmp_path_factory.mktemp("real") / "shop", SOURCES)
    for source in SOURCES:
        shutil.copytree(corpus / source, folder / "data/raw" / source)
    run(folder, "dvc", "repro")
    return folder


@pytest.mark.corpus
def test_real_footage_ends_in_a_registered_model(real: Path) -> None:
    [parent] = runs(real, kind="pipeline")
    assert parent.info.status == "FINISHED"
    [version] = mlflow_client(real).search_model_versions("name = 'aislewatch'")
    found = mlflow_client(real).get_model_version("aislewatch", version.version)
    assert set(found.aliases) == {"champion", "challenger"}
    assert found.tags["gate"] == "first"


@pytest.mark.corpus
def test_copies_lie_on_one_side(real: Path, corpus: Path) -> None:
    side = pd.read_parquet(real / "data/dataset/splits.parquet").groupby("video")["split"].first()
    with (corpus / "near_duplicates.csv").open() as file:
        pairs = [row for row in csv.DictReader(file) if float(row["frac_frames_shared"]) > 0.5]
    assert len(pairs) == 22
    found = pd.read_csv(real / "data/labels/duplicates.csv").query("labels_conflict")
    opposed = {*found["a"], *found["b"]}  # what they share is used in neither
    used = [(p["a"], p["b"]) for p in pairs if not opposed & {p["a"], p["b"]}]
    assert len(used) > 10
    assert [(a, b) for a, b in used if side[a] != side[b]] == []


@pytest.mark.corpus
def test_contradicting_labels_are_reported(real: Path, corpus: Path) -> None:
    with (corpus / "near_duplicates.csv").open() as file:
        known = {
            (row["a"], row["b"])
            for row in csv.DictReader(file)
            if row["labels_conflict"] == "True" and float(row["frac_frames_shared"]) > 0.5
        }
    found = pd.read_csv(real / "data/labels/duplicates.csv").query("labels_conflict")
    assert len(known) == 3
    assert known <= set(zip(found["a"], found["b"], strict=True))
    report = (real / "data/validation.csv").read_text()
    assert all(a in report for a, _ in known)
