"""Pipelines of other people's kinds: cached outputs, `foreach`, several commands."""

import shutil
from pathlib import Path

import pytest

from tests.projects import mlflow_client, run, runs
from tests.tracked_project import enter_tracked, status_of_last

# A stage that runs even where all others come from a cache, as the registration does.
WITH_OUTPUTS = """
stages:
  train:
    matrix:
      model: [cnn]
    cmd: python outputs.py
    deps: [outputs.py]
    params: [b, other.toml: [x]]
    outs: [models/cnn, data/best.json, reports/pictures]
    metrics: [metrics/train.json, metrics/evaluate.json]
    plots: [metrics/curve.csv]
  last:
    cmd: python work.py last
    always_changed: true
"""


OUTPUTS = """
import json
from pathlib import Path

for folder in ("models/cnn", "data", "reports/pictures", "metrics"):
    Path(folder).mkdir(parents=True, exist_ok=True)
write = lambda name, value: Path(name).write_text(json.dumps(value))
write("models/cnn/config.json", {"architecture": "cnn", "model": {"input": "diff"}})
write("data/best.json", {"val_loss": 0.25, "study": "tune-1", "settings": {"lr": 0.1}})
write("metrics/train.json", {"best_epoch": 2, "temperature": 1.5, "ok": True, "none": None})
models = {"cnn": {"test": {"auc": 0.75}, "title": "CNN"}, "lstm": {"test": {"auc": 0.5}}}
write("metrics/evaluate.json", {"selected": "cnn", "models": models, "test_videos": 40})
Path("metrics/curve.csv").write_text("epoch,train_loss,val_auc\\n1,0.5,0.6\\n2,0.25,nan\\n")
Path("reports/pictures/curve.svg").write_text("<svg/>")
"""


def test_runs_restored_from_the_cache_are_whole(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = enter_tracked(tmp_path / "a project", empty_store, monkeypatch, WITH_OUTPUTS)
    (project / "outputs.py").write_text(OUTPUTS)
    (project / "other.toml").write_text("x = 5\n")
    run(project, "dvc", "repro")
    ignored = "\n".join(("", "models", "data", "metrics", "reports"))
    (project / ".gitignore").write_text((project / ".gitignore").read_text() + ignored)
    run(project, "git", "add", "-A")
    run(project, "git", "commit", "-qm", "made")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(project), str(clone))
    run(clone, "dvc", "cache", "dir", "--local", str(project / ".dvc/cache"))
    shutil.copy(empty_store, clone)
    assert "outputs.py" not in run(clone, "dvc", "repro").split("Running stage 'train@cnn'")[-1]
    [made] = runs(clone, kind="stage", stage="train@cnn")
    assert made.data.tags["origin"] == "cache"
    assert made.data.metrics == {
        "best_epoch": 2.0,
        "temperature": 1.5,
        "best.val_loss": 0.25,
        "best.settings.lr": 0.1,
        "test.auc": 0.75,
        "test_videos": 40.0,
        "train.loss": 0.25,
        "val.auc": 0.6,
    }
    client = mlflow_client(clone)
    history = client.get_metric_history(made.info.run_id, "train.loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.25)]
    assert made.data.params == {
        "b.c": "2",
        "other.toml.x": "5",
        "architecture": "cnn",
        "model.input": "diff",
    }
    commit = run(clone, "git", "rev-parse", "HEAD").strip()
    assert made.data.tags["git_commit"] == made.data.tags["mlflow.source.git.commit"] == commit
    assert [file.path for file in client.list_artifacts(made.info.run_id)] == ["curve.svg"]
    compared = {r.info.run_name: r.data.metrics for r in runs(clone, kind="model")}
    assert compared == {"cnn": {"test.auc": 0.75}, "lstm": {"test.auc": 0.5}}
    [parent] = runs(clone, kind="pipeline")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["cached.train:cnn"] == made.info.run_id


FOREACH = """
stages:
  one:
    cmd:
      - python work.py one
      - echo done
    deps: [work.py]
    params: [a, other.toml: [x]]
    outs: [one.txt]
  two:
    foreach: ${b.letters}
    do:
      cmd: python work.py two@${item}
      deps: [one.txt]
      outs: ["two@${item}.txt"]
"""


def test_other_ways_to_write_the_same_pipeline(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``foreach`` over a parameter, several commands, parameters from another file."""
    project = enter_tracked(tmp_path / "a project", empty_store, monkeypatch, FOREACH)
    (project / "other.toml").write_text("x = 5\n")
    (project / "params.yaml").write_text("a: 1\nb: {letters: [x, y]}\n")
    run(project, "dvc", "repro")
    assert status_of_last(project) == ("FINISHED", "3 stage(s) ran, 0 cached")
    (project / "params.yaml").write_text("a: 1\nb: {letters: [x, y, z]}\n")
    run(project, "dvc", "repro")
    assert status_of_last(project) == ("FINISHED", "1 stage(s) ran, 3 cached")
    stages = runs(project, kind="stage")
    assert [r.info.run_name for r in stages] == ["one", "two@x", "two@y", "two@z"]
