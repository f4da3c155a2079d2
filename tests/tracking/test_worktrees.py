"""Two experiments at once, in two git worktrees that share the DVC cache and the MLflow store."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from aislewatch.register.history import read_entries
from tests.projects import (
    ask,
    clone_project,
    environment,
    link_shop,
    run,
    runs,
    set_params,
    wait_until_recorded,
)

# One experiment trains every model anew; the other, with the models there are, ends meanwhile.
CHANGES: dict[str, dict[str, Any]] = {
    "training": {
        "seed": 5,
        "train": {"epochs": 1},
        # So little that the synthetic shop can speak of events.
        "gate": {"first_auc": 0.0, "min_hours": 1e-4, "min_groups": 1},
    },
    "other rule": {"alerts": {"fallback_threshold": 0.6}},
}
CHANGED_STAGES = {
    "training": {"train@convlstm", "train@cnn", "evaluate", "register"},
    "other rule": {"evaluate", "register"},
}


@dataclass(frozen=True)
class Experiments:
    """The shared project, and the worktree of each experiment by name."""

    home: Path
    folders: dict[str, Path]

    @property
    def store(self) -> dict[str, str]:
        """The environment that names the shared store."""
        return {"MLFLOW_TRACKING_URI": f"sqlite:///{self.home / 'mlflow.db'}"}

    def ask(self, name: str, *words: str) -> str:
        return ask(self.folders[name], *words, **self.store)


@pytest.fixture(scope="module")
def experiments(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiments:
    """Both experiments after a ``dvc repro register`` of each, begun at the same moment."""
    place = tmp_path_factory.mktemp("experiments")
    made = Experiments(
        clone_project(finished, place / "a shop"), {name: place / name for name in CHANGES}
    )
    for name, folder in made.folders.items():
        branch = name.replace(" ", "-")
        git = ["git", "worktree", "add", "-q", "-b", branch, str(folder)]
        subprocess.run(git, cwd=made.home, check=True)
        link_shop(made.home, folder)
        run(folder, "dvc", "cache", "dir", "--local", str(made.home / ".dvc/cache"))
        set_params(folder, CHANGES[name])
    command = ["dvc", "repro", "register"]  # and what it needs: not the report's pictures
    started = [
        subprocess.Popen(command, cwd=folder, env=environment(**made.store), stdout=subprocess.PIPE)
        for folder in made.folders.values()
    ]
    for process in started:
        output, _ = process.communicate()
        assert process.returncode == 0, output.decode()
    for folder in made.folders.values():
        wait_until_recorded(folder)
    return made


def pipeline_of(experiments: Experiments, name: str) -> str:
    """Run id of an experiment's pipeline, by what its own recorder noted down."""
    [closed] = experiments.folders[name].glob(".aislewatch/runs/*/closed.json")
    return str(json.loads(closed.read_text())["run_id"])


@pytest.mark.parametrize("name", CHANGES)
def test_each_run_carries_the_parameters_of_its_own_worktree(
    experiments: Experiments, name: str
) -> None:
    nested = {"mlflow.parentRunId": pipeline_of(experiments, name)}
    made = {r.info.run_name: r for r in runs(experiments.home, kind="stage", **nested)}
    assert set(made) >= CHANGED_STAGES[name]
    for run_of_stage in made.values():
        assert run_of_stage.data.tags["git_branch"] == name.replace(" ", "-")
    if name == "training":
        trained = (made[f"train@{model}"].data.params for model in ("cnn", "convlstm"))
        assert {params["seed"] for params in trained} == {"5"}
    rule = {"training": "0.8", "other rule": "0.6"}[name]
    assert made["evaluate"].data.params["alerts.fallback_threshold"] == rule


@pytest.mark.parametrize("name", CHANGES)
def test_each_lock_lists_its_own_runs_alone(experiments: Experiments, name: str) -> None:
    words = experiments.ask(name, "runs").splitlines()
    listed = dict(line.split(": ") for line in words if ": " in line)
    own = pipeline_of(experiments, name)
    client = MlflowClient(experiments.store["MLFLOW_TRACKING_URI"])
    for stage in CHANGED_STAGES[name]:
        [run_id] = listed[stage].split(", ")
        assert client.get_run(run_id).data.tags["mlflow.parentRunId"] == own
    [first] = runs(experiments.home, kind="stage", stage="split")
    assert listed["split"] == first.info.run_id, "shared work is pointed to by both"


def test_each_registration_belongs_to_the_run_that_trained_it(experiments: Experiments) -> None:
    client = MlflowClient(experiments.store["MLFLOW_TRACKING_URI"])
    versions = client.search_model_versions("name = 'aislewatch'")
    by_digest = {version.tags["digest"]: version for version in versions}
    assert len(versions) == len(by_digest) == 3
    [first] = runs(experiments.home, kind="stage", stage="ingest")
    trained_by = {
        "training": pipeline_of(experiments, "training"),
        "other rule": first.data.tags["mlflow.parentRunId"],
    }
    for name, folder in experiments.folders.items():
        stated = json.loads((folder / "registration.json").read_text())
        trained = client.get_run(by_digest[stated["digest"]].run_id)
        assert trained.info.run_name == f"train@{stated['model']}"
        assert trained.data.tags["mlflow.parentRunId"] == trained_by[name]
    verified = experiments.ask("training", "models", "verify")
    assert "names the champion" in verified


def test_events_decide_where_the_footage_suffices(experiments: Experiments) -> None:
    folder = experiments.folders["training"]
    digest = json.loads((folder / "registration.json").read_text())["digest"]
    client = MlflowClient(experiments.store["MLFLOW_TRACKING_URI"])
    [version] = client.search_model_versions(f"name = 'aislewatch' and tags.digest = '{digest}'")
    assert version.tags["gate"] == "events"
    assert {"gate.recall_difference", "gate.alarms_difference_high"} <= set(version.tags)
    assert "Events and false alarms" in (folder / "reports/promotion/index.html").read_text()


def test_changes_of_the_champion_at_one_moment_are_one_chain(experiments: Experiments) -> None:
    """Each command is given another version, so that every one has something to write."""
    before = read_entries(_tags(experiments))
    changing = [
        subprocess.Popen(
            ["aislewatch", "models", "promote", version, "--why", "at the same moment"],
            cwd=experiments.folders[name],
            env=environment(**experiments.store),
        )
        for name, version in zip(["training", "other rule", "training"], "123", strict=True)
    ]
    assert [process.wait() for process in changing] == [0] * len(changing)
    added = read_entries(_tags(experiments))[len(before) :]
    for earlier, later in zip([before[-1], *added], added, strict=False):
        assert later.before == earlier.after != later.after
    verified = experiments.ask("training", "models", "verify")
    assert "names the champion" in verified
    assert {entry.after for entry in added} | {before[-1].after} == {"1", "2", "3"}


def _tags(experiments: Experiments) -> dict[str, str]:
    client = MlflowClient(experiments.store["MLFLOW_TRACKING_URI"])
    return dict(client.get_registered_model("aislewatch").tags)
