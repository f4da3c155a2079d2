"""The whole pipeline under DVC: what reruns, what comes back, what MLflow shows of it."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from tests.projects import (
    FEW,
    SMALL,
    ask,
    clone_project,
    environment,
    link_shop,
    mlflow_client,
    run,
    runs,
    set_params,
    stages_run,
)

TRAINED = [f"train@{name}" for name in FEW]


SCORED = [f"score@{name}" for name in FEW]


JUDGED = ["evaluate", "report", "register"]


DATA_STAGES = ["ingest", "track", "validate", "segment", "split"]


def outs(folder: Path, stage: str) -> dict[str, str]:
    entry = yaml.safe_load((folder / "dvc.lock").read_text())["stages"][stage]
    return {out["path"]: out["md5"] for out in entry["outs"]}


@dataclass(frozen=True)
class Retrained:
    """A copy of the finished project after one more repro: fewer epochs, another optimizer."""

    folder: Path
    output: str


@pytest.fixture(scope="module")
def retrained(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Retrained:
    folder = clone_project(finished, tmp_path_factory.mktemp("retrained") / "a shop")
    set_params(folder, {"train": {"epochs": 1, "optimizer": "paper"}})
    return Retrained(folder, run(folder, "dvc", "repro"))


def wait_for(condition: Callable[[], object], timeout_s: float = 300.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_repro_does_nothing(project: Path) -> None:
    before = (project / "dvc.lock").read_bytes()
    output = run(project, "dvc", "repro")
    assert stages_run(output) == []
    assert "Data and pipelines are up to date." in output
    assert (project / "dvc.lock").read_bytes() == before


def test_another_machine_reruns_nothing(project: Path) -> None:
    set_params(project, {"machine": {"threads": 3, "ingest_workers": 1, "tune_workers": 2}})
    assert "Data and pipelines are up to date." in run(project, "dvc", "status")
    set_params(project, {"ingest": {"timeout_s": 61.0}})  # what exceeds it is quarantined
    assert re.findall(r"^(\S+):$", run(project, "dvc", "status"), re.MULTILINE) == ["ingest"]


def test_accepting_the_split_reruns_it_alone_with_the_same_bytes(project: Path) -> None:
    before = {stage: outs(project, stage) for stage in (*DATA_STAGES, "tune", *TRAINED)}
    assert "git add data/assignments.csv" in ask(project, "split", "accept")
    assert stages_run(run(project, "dvc", "repro")) == ["split"]
    assert {stage: outs(project, stage) for stage in before} == before
    changed = subprocess.run(
        ["git", "status", "--porcelain", "data"], cwd=project, capture_output=True, text=True
    )
    assert changed.stdout == " M data/assignments.csv\n"


def test_epochs_rerun_training_and_what_follows(retrained: Retrained) -> None:
    assert set(stages_run(retrained.output)) == {
        *TRAINED,
        *SCORED,
        "evaluate",
        "report",
        "register",
    }


def test_what_did_not_run_again_points_to_the_run_that_did_it(retrained: Retrained) -> None:
    first, second = runs(retrained.folder, kind="pipeline")
    assert (first.info.status, second.info.status) == ("FINISHED", "FINISHED")
    for stage in (*DATA_STAGES, "tune"):
        [made] = runs(retrained.folder, kind="stage", stage=stage)
        assert made.data.tags["mlflow.parentRunId"] == first.info.run_id
        assert second.data.tags[f"cached.{stage}"] == made.info.run_id


def test_metrics_and_plots_render(retrained: Retrained) -> None:
    assert "metrics/evaluate.json" in run(retrained.folder, "dvc", "metrics", "show")
    assert "metrics/train/convlstm.json" in run(retrained.folder, "dvc", "metrics", "diff")
    run(retrained.folder, "dvc", "plots", "show")
    page = (retrained.folder / "dvc_plots/index.html").read_text()
    for title in ("metrics/curves/cnn.csv", "ROC on test", "Confusion on test"):
        assert title in page
    assert "val_accuracy" not in re.findall(r'"title": "([^"]*)"', page), "no plot but ours"


def test_a_new_model_is_compared_with_the_champion_scored_today(retrained: Retrained) -> None:
    client = mlflow_client(retrained.folder)
    challenger = client.get_model_version_by_alias("aislewatch", "challenger")
    champion = client.get_model_version_by_alias("aislewatch", "champion")
    assert str(challenger.version) == "2"
    tags = challenger.tags
    assert tags["gate"] == "auc"  # seconds of footage cannot speak of alarms an hour
    no_worse = float(tags["gate.auc_difference_low"]) >= -0.02
    promoted = no_worse and float(tags["gate.p_auc"]) <= 0.05
    assert str(champion.version) == ("2" if promoted else "1")
    assert tags["promoted"] == str(promoted).lower()
    assert tags["verdict"] in retrained.output
    assert "too little footage to judge alarms" in tags["verdict"]
    page = (retrained.folder / "reports/promotion/index.html").read_text()
    assert "ROC-AUC decides" in page


def test_old_parameters_come_back_from_the_cache_under_the_run_that_trained_them(
    retrained: Retrained, finished: Path
) -> None:
    set_params(retrained.folder, SMALL)
    mlflow_client(retrained.folder).delete_registered_model("aislewatch")
    assert stages_run(run(retrained.folder, "dvc", "repro")) == ["register"]
    assert outs(retrained.folder, "evaluate") == outs(finished, "evaluate")
    [version] = mlflow_client(retrained.folder).search_model_versions("name = 'aislewatch'")
    selected = json.loads((retrained.folder / "models/selected.json").read_text())["model"]
    oldest, newest = runs(retrained.folder, kind="stage", stage=f"train@{selected}")
    assert oldest.info.start_time < newest.info.start_time
    assert version.run_id == oldest.info.run_id


def test_a_fresh_clone_makes_everything_again_killed_or_not(finished: Path, tmp_path: Path) -> None:
    """In another place, on another day, with nothing cached: the very same lock.

    Killed in the middle of training. What DVC does not hash (study, pages) is there too.
    """
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(finished), str(clone)], check=True)
    assert (clone / "dvc.lock").exists()
    for made in ("registration.json", ".dvc/cache", ".aislewatch", "models", "reports"):
        assert not (clone / made).exists()
    link_shop(finished, clone)
    # Their dates always differ, so that one of them is not today's.
    zones = ("Pacific/Kiritimati", "Etc/GMT+12")
    today = datetime.now().date()
    another_day = {"TZ": next(z for z in zones if datetime.now(ZoneInfo(z)).date() != today)}
    process = subprocess.Popen(
        ["dvc", "repro"], cwd=clone, env=environment(**another_day), start_new_session=True
    )
    wait_for(lambda: list(clone.glob(".aislewatch/runs/*/train@cnn.*.jsonl")))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    output = run(clone, "dvc", "repro", **another_day)
    assert {"train@cnn", "evaluate", "register"} <= set(stages_run(output))
    assert not {*DATA_STAGES, "tune"} & set(stages_run(output))
    began = {journal.name.split(".")[0] for journal in clone.glob(".aislewatch/runs/*/*.jsonl")}
    assert began == set(yaml.safe_load((clone / "dvc.lock").read_text())["stages"])
    assert list(clone.glob(".aislewatch/study-*.db"))
    for page in ("data_docs", "split", "promotion"):
        assert (clone / "reports" / page / "index.html").exists()
    assert (clone / "dvc.lock").read_bytes() == (finished / "dvc.lock").read_bytes()
    assert len(mlflow_client(clone).search_model_versions("name = 'aislewatch'")) == 1
    killed, done = runs(clone, kind="pipeline")
    assert (killed.info.status, done.info.status) == ("KILLED", "FINISHED")


def test_mlflow_shows_the_whole_pipeline(finished: Path) -> None:
    [parent] = runs(finished, kind="pipeline")
    assert parent.info.status == "FINISHED"
    stages = {r.info.run_name: r for r in runs(finished, kind="stage")}
    assert set(stages) == {
        *DATA_STAGES,
        "tune",
        *TRAINED,
        *SCORED,
        "evaluate",
        "report",
        "register",
    }
    assert {r.data.tags["mlflow.parentRunId"] for r in stages.values()} == {parent.info.run_id}
    trials = runs(finished, kind="trial")
    assert {t.data.tags["mlflow.parentRunId"] for t in trials} == {stages["tune"].info.run_id}
    assert len(trials) == 2
    models = runs(finished, kind="model")
    assert sorted(m.info.run_name for m in models) == sorted(FEW)
    names = {frozenset(m.data.params) for m in models}
    assert len(names) == 1, "models share their parameters' names, so that MLflow can compare them"
    for model in models:
        assert {"test.accuracy", "test.auc", "val.auc"} <= set(model.data.metrics)
    for each in [*stages.values(), *trials, *models]:
        assert {"git_commit", "dvc_lock", "data", "stage_key"} <= set(each.data.tags)
