"""The whole pipeline under DVC: what reruns, what is restored, what reproduces, what is registered."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.projects import (
    environment,
    make_project,
    mlflow_client,
    run,
    runs,
    set_params,
    stages_run,
)

MODELS = ["convlstm", "cnn", "lstm", "cnn_lstm", "convlstm_paper"]
TRAINED = [f"train@{name}" for name in MODELS]
DATA_STAGES = ["ingest", "validate", "segment", "split"]


def locked(folder: Path) -> dict[str, object]:
    entries: dict[str, object] = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    return entries


def outs(folder: Path, stage: str) -> dict[str, str]:
    entry = yaml.safe_load((folder / "dvc.lock").read_text())["stages"][stage]
    return {out["path"]: out["md5"] for out in entry["outs"]}


def test_a_second_repro_does_nothing(project: Path) -> None:
    before = (project / "dvc.lock").read_bytes()
    output = run(project, "dvc", "repro")
    assert stages_run(output) == []
    assert "Data and pipelines are up to date." in output
    assert (project / "dvc.lock").read_bytes() == before


def test_epochs_rerun_training_and_what_follows_and_come_back_from_the_cache(
    project: Path,
) -> None:
    before = outs(project, "evaluate")
    set_params(project, {"train": {"epochs": 1}})
    output = run(project, "dvc", "repro")
    assert set(stages_run(output)) == {*TRAINED, "evaluate", "register"}
    assert outs(project, "evaluate") != before
    set_params(project, {"train": {"epochs": 2}})
    output = run(project, "dvc", "repro")
    assert stages_run(output) == ["register"]
    assert outs(project, "evaluate") == before


def test_two_runs_of_one_input_leave_the_same_lock(finished: Path, tmp_path: Path) -> None:
    again = make_project(tmp_path / "elsewhere", ["synthetic"])
    shutil.copytree(finished / "data/raw/synthetic", again / "data/raw/synthetic")
    run(again, "dvc", "repro")
    assert (again / "dvc.lock").read_bytes() == (finished / "dvc.lock").read_bytes()


def test_a_fresh_clone_makes_everything_again(finished: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(finished), str(clone)], check=True)
    assert (clone / "dvc.lock").exists()
    assert not (clone / "registration.json").exists()
    run(clone, "aislewatch", "synth", "data/raw/synthetic", "--videos", "48")
    output = run(clone, "dvc", "repro")
    assert set(stages_run(output)) == {*DATA_STAGES, "tune", *TRAINED, "evaluate", "register"}
    for stage in DATA_STAGES:
        assert outs(clone, stage) == outs(finished, stage)
    assert len(mlflow_client(clone).search_model_versions("name = 'aislewatch'")) == 1


def test_no_hashed_output_names_a_run_a_place_or_a_version(finished: Path) -> None:
    forbidden = [str(finished), *(r.info.run_id for r in runs(finished, kind="stage"))]
    for entry in yaml.safe_load((finished / "dvc.lock").read_text())["stages"].values():
        for out in entry["outs"]:
            path = finished / out["path"]
            files = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path]
            for file in files:
                content = file.read_bytes()
                assert not any(word.encode() in content for word in forbidden), file
    stated = json.loads((finished / "registration.json").read_text())
    assert set(stated) == {"name", "model", "digest"}


def test_what_the_registry_has_lost_is_registered_again(project: Path) -> None:
    client = mlflow_client(project)
    client.delete_model_version("aislewatch", "1")
    output = run(project, "dvc", "repro")
    assert stages_run(output) == []
    output = run(project, "aislewatch", "check-registration")
    assert "register stage will run again" in output
    output = run(project, "dvc", "repro")
    assert stages_run(output) == ["register"]
    [version] = client.search_model_versions("name = 'aislewatch'")
    assert version.tags["digest"] == json.loads((project / "registration.json").read_text())["digest"]


def test_registering_the_same_bytes_again_makes_no_version(project: Path) -> None:
    (project / "registration.json").unlink()
    output = run(project, "dvc", "repro")
    assert stages_run(output) == ["register"]
    assert "has these very weights" in output
    assert len(mlflow_client(project).search_model_versions("name = 'aislewatch'")) == 1


def test_a_new_model_is_compared_with_the_champion_scored_today(project: Path) -> None:
    set_params(project, {"train": {"seed": 1}})
    output = run(project, "dvc", "repro")
    client = mlflow_client(project)
    challenger = client.get_model_version_by_alias("aislewatch", "challenger")
    champion = client.get_model_version_by_alias("aislewatch", "champion")
    assert challenger.version == "2"
    tags = challenger.tags
    better = float(tags["gate.challenger_auc"]) >= float(tags["gate.champion_auc"]) - 0.02
    assert champion.version == ("2" if better else "1")
    assert tags["promoted"] == str(better).lower()
    assert tags["verdict"] in output


def test_the_version_belongs_to_the_run_that_trained_it(finished: Path) -> None:
    [version] = mlflow_client(finished).search_model_versions("name = 'aislewatch'")
    selected = json.loads((finished / "models/selected.json").read_text())["model"]
    [trained] = runs(finished, kind="stage", stage=f"train@{selected}")
    assert version.run_id == trained.info.run_id
    assert version.tags[f"digest"] == trained.data.tags[f"digest.models/{selected}"]


def test_a_cached_model_is_registered_under_its_own_run_not_the_newest(project: Path) -> None:
    set_params(project, {"train": {"epochs": 1}})
    run(project, "dvc", "repro")
    set_params(project, {"train": {"epochs": 2}})
    mlflow_client(project).delete_registered_model("aislewatch")
    (project / "registration.json").unlink()
    output = run(project, "dvc", "repro")
    assert stages_run(output) == ["register"]
    [version] = mlflow_client(project).search_model_versions("name = 'aislewatch'")
    selected = json.loads((project / "models/selected.json").read_text())["model"]
    oldest = runs(project, kind="stage", stage=f"train@{selected}")[0]
    assert version.run_id == oldest.info.run_id


def test_metrics_and_plots_render(project: Path) -> None:
    shown = run(project, "dvc", "metrics", "show")
    assert "metrics/evaluate.json" in shown
    set_params(project, {"train": {"epochs": 1}})
    run(project, "dvc", "repro")
    assert "metrics/train/convlstm.json" in run(project, "dvc", "metrics", "diff")
    run(project, "dvc", "plots", "show")
    page = (project / "dvc_plots/index.html").read_text()
    for title in ("Validation loss", "ROC on test", "Confusion on test"):
        assert title in page


def test_mlflow_shows_the_whole_pipeline(finished: Path) -> None:
    [parent] = runs(finished, kind="pipeline")
    assert parent.info.status == "FINISHED"
    stages = {r.info.run_name: r for r in runs(finished, kind="stage")}
    assert set(stages) == {*DATA_STAGES, "tune", *TRAINED, "evaluate", "register"}
    assert {r.data.tags["mlflow.parentRunId"] for r in stages.values()} == {parent.info.run_id}
    trials = runs(finished, kind="trial")
    assert {t.data.tags["mlflow.parentRunId"] for t in trials} == {stages["tune"].info.run_id}
    assert len(trials) == 2
    models = runs(finished, kind="model")
    assert sorted(m.info.run_name for m in models) == sorted(MODELS)
    names = {frozenset(m.data.params) for m in models}
    assert len(names) == 1, "models share their parameters' names, so that MLflow can compare them"
    for model in models:
        assert {"test.accuracy", "test.auc", "val.auc"} <= set(model.data.metrics)
    for each in [*stages.values(), *trials, *models]:
        assert {"git_commit", "dvc_lock", "data", "stage_key"} <= set(each.data.tags)


def test_a_killed_stage_can_be_run_again(project: Path, finished: Path) -> None:
    """Killed in the middle of training; the next repro ends with the same bytes."""
    import os
    import signal
    import time

    shutil.rmtree(project / ".dvc/cache")
    shutil.rmtree(project / "models")
    process = subprocess.Popen(
        ["dvc", "repro"], cwd=project, env=environment(), start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not list((project / ".aislewatch/runs").glob("*/train@*.jsonl")) or process.poll():
        assert time.monotonic() < deadline
        time.sleep(0.05)
        if len(list((project / ".aislewatch/runs").glob("*/train@convlstm.*"))) > 1:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    run(project, "dvc", "repro")
    assert (project / "dvc.lock").read_bytes() == (finished / "dvc.lock").read_bytes()


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_the_registered_model_serves_any_mlflow_user(finished: Path, alias: str) -> None:
    import mlflow
    import numpy as np

    mlflow.set_tracking_uri(f"sqlite:///{finished / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"models:/aislewatch@{alias}")
    example = model.input_example
    assert example is not None
    clips = np.random.default_rng(0).integers(0, 256, (3, 16, 48, 32), dtype=np.uint8)
    scores = model.predict({"yuv": clips})["probability"]
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()
