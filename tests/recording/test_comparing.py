"""MLflow as a person opens it: nights side by side, networks, data sets, the view of a training."""

import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest
from mlflow.entities import Run
from playwright.sync_api import expect, sync_playwright

from aislewatch.recording.client import comparison_url
from aislewatch.recording.view import headline
from aislewatch.tracking.journal import flatten
from tests.loopback import free_port
from tests.prefect_servers import running
from tests.projects import environment, mlflow_client, run, runs

DVC_YAML = """
stages:
  split:
    cmd: python work.py split data/dataset/splits.parquet
    deps: [work.py, data/raw]
    outs: [data/dataset/splits.parquet]
  train:
    matrix: {model: [cnn, lstm]}
    cmd: python work.py train@${item.model} ${item.model}.txt
    deps: [work.py, data/dataset/splits.parquet]
    outs: ["${item.model}.txt"]
  evaluate:
    cmd: python work.py evaluate evaluate.txt
    deps: [work.py, cnn.txt, lstm.txt]
    outs: [evaluate.txt]
  register:
    cmd: python work.py register register.txt
    deps: [work.py, evaluate.txt]
    params: [gate]
    outs: [register.txt]
"""

WORK = """
import sys
from pathlib import Path
from aislewatch.tracking.journal import stage_run

address, out = sys.argv[1:]
figures = {"cnn": 0.75, "lstm": 0.875}
with stage_run(address, {"epochs": 2}) as journal:
    if address == "evaluate":
        for name, value in figures.items():
            with journal.child(name, "model", {"architecture": name}) as row:
                row.metrics({"test.accuracy": value, "test.auc": value})
        journal.metrics({"test.accuracy": 0.875, "test.auc": 0.875, "test.event_recall": 0.5})
        journal.metrics({"test.false_alarms_per_hour": 1.5, "test_videos": 4})
        journal.metrics({"test.alert_share": 0.25})
    if address == "register":
        journal.tags({"model": "lstm", "version": "3", "promoted": "true", "verdict": "better"})
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(address + Path("params.yaml").read_text() * (address == "register"))
"""

HEADLINE = {
    "test.accuracy": 0.875,
    "test.auc": 0.875,
    "test.event_recall": 0.5,
    "test.false_alarms_per_hour": 1.5,
    "test.alert_share": 0.25,
}


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A project after two commands: one that did all, one that only registered anew."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "data/raw").mkdir(parents=True)
    (folder / "data/raw/video.mp4").write_bytes(b"footage")
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "work.py").write_text(WORK)
    (folder / "params.yaml").write_text("gate: 1\n")
    shutil.copy(empty_store, folder)
    run(folder, "dvc", "init", "-q", "--no-scm")
    run(folder, "dvc", "repro")
    (folder / "params.yaml").write_text("gate: 2\n")
    run(folder, "dvc", "repro")
    return folder


@pytest.fixture
def pipelines(nights: Path) -> list[Run]:
    found = runs(nights, kind="pipeline")
    assert len(found) == 2
    return found


def test_every_night_shows_what_it_registered_cached_or_not(pipelines: list[Run]) -> None:
    for pipeline in pipelines:
        assert pipeline.data.metrics == HEADLINE
        tags = pipeline.data.tags
        assert (tags["model"], tags["version"], tags["promoted"]) == ("lstm", "3", "true")
    assert "cached.evaluate" in pipelines[1].data.tags


def test_a_restored_evaluation_has_the_same_headline() -> None:
    alerts = {"recall": {"value": 0.5}, "false_alarms_per_hour": 1.5, "alert_share": 0.25}
    restored = flatten({"test": {"accuracy": 0.875, "auc": 0.875}, "alerts": alerts})
    assert headline(restored) == HEADLINE
    assert headline({"test.auc": 0.5}) == {"test.auc": 0.5}


def test_data_sets_are_logged_by_the_hash_of_dvc(nights: Path, pipelines: list[Run]) -> None:
    lock = (nights / "dvc.lock").read_text()
    trained = runs(nights, kind="stage", stage="train@cnn")
    evaluated = runs(nights, kind="stage", stage="evaluate")
    for found, use in ((pipelines, "pipeline"), (trained, "training"), (evaluated, "evaluation")):
        for each in found:
            logged = mlflow_client(nights).get_run(each.info.run_id).inputs
            inputs = logged.dataset_inputs if logged else []
            assert sorted(one.dataset.name for one in inputs) == ["footage", "splits"]
            assert all(one.dataset.digest in lock for one in inputs)
            assert {tag.value for one in inputs for tag in one.tags} == {use}


def test_networks_are_logged_models_once_with_their_figures(nights: Path) -> None:
    client = mlflow_client(nights)
    experiment = client.get_experiment_by_name("aislewatch")
    assert experiment is not None
    models = client.search_logged_models([experiment.experiment_id])
    assert sorted(model.name for model in models) == ["cnn", "lstm"]
    trained = {r.data.tags["stage"]: r.info.run_id for r in runs(nights, kind="stage")}
    for model in models:
        assert model.status == "READY"
        assert model.source_run_id == trained[f"train@{model.name}"]
        assert model.params["architecture"] == model.name
        figures = {metric.key: metric.value for metric in model.metrics or []}
        value = {"cnn": 0.75, "lstm": 0.875}[model.name]
        assert figures == {"test.accuracy": value, "test.auc": value}
        assert {metric.dataset_name for metric in model.metrics or []} == {"splits"}
    rows = runs(nights, kind="model")
    for row in rows:
        history = client.get_metric_history(row.info.run_id, "test.auc")
        assert len(history) == 1, "a figure is one point, of a run and of its model"


def test_the_address_opens_the_view_of_a_training(
    nights: Path, monkeypatch: pytest.MonkeyPatch, chromium: str
) -> None:
    monkeypatch.chdir(nights)
    experiment = mlflow_client(nights).get_experiment_by_name("aislewatch")
    assert experiment is not None
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    port = free_port()
    server = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{nights / 'mlflow.db'}"]

    def is_ready() -> bool:
        try:
            return httpx.get(f"{server}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    log = nights / "ui.log"
    with running(command, environment(), log, is_ready), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 2600, "height": 900})
        page.goto(comparison_url().replace("http://127.0.0.1:5000", server))
        expect(page.get_by_text(re.compile("^pipeline ")).first).to_be_visible(timeout=60_000)
        # GenAI's view has judges and sessions, and no models.
        expect(page.get_by_role("link", name="Models", exact=True)).to_be_visible()
        expect(page.get_by_text("Judges", exact=True)).to_have_count(0)
        for heading in ("test.accuracy", "test.auc", "test.alert_share", "version"):
            expect(page.get_by_role("columnheader", name=heading).first).to_be_visible()
        expect(page.get_by_role("gridcell", name="0.875").first).to_be_visible()
        page.get_by_role("link", name="Models", exact=True).click()
        for text in ("lstm", "cnn", "test.accuracy"):
            expect(page.get_by_text(text, exact=True).first).to_be_attached(timeout=60_000)
        browser.close()
