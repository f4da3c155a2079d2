"""The evaluate stage whole, on a small project with untrained networks."""

import json
from pathlib import Path

import pandas as pd
import pytest

from aislewatch.errors import TableError
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.models.rows import BY_NAME
from aislewatch.score.ledger import read_test_uses
from tests.small_evaluation import OUTPUTS, Project, copy_of, make_scored


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, str]]:
    """A project evaluated once, and its outputs' digests; for tests that only look."""
    project = make_scored(tmp_path_factory.mktemp("evaluated") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        return project, project.evaluate()


@pytest.fixture
def looked_at(
    evaluated: tuple[Project, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Project:
    """The evaluated project as working folder."""
    monkeypatch.chdir(evaluated[0].root)
    return evaluated[0]


@pytest.fixture
def copied(
    evaluated: tuple[Project, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A copy of the evaluated project, as working folder, for tests that change it."""
    monkeypatch.chdir(tmp_path)
    copy = copy_of(evaluated[0], tmp_path / "project")
    monkeypatch.chdir(copy.root)
    return copy


def test_two_runs_give_the_same_bytes_and_only_scorings_are_counted(
    evaluated: tuple[Project, dict[str, str]], copied: Project
) -> None:
    assert len(read_test_uses()) == len(BY_NAME)
    assert copied.evaluate() == evaluated[1]
    assert len(read_test_uses()) == len(BY_NAME)
    scores = sha256_tree(Path("data/scores"))
    copied.score()
    assert sha256_tree(Path("data/scores")) == scores
    uses = read_test_uses()
    assert len(uses) == 2 * len(BY_NAME)
    assert {use["split"] for use in uses} == {sha256_file(Path("data/dataset/splits.parquet"))}
    assert len({use["model"] for use in uses}) == len(BY_NAME)
    assert {use["stage"] for use in uses} == {"score"}


def test_outputs_hold_what_later_stages_and_dvc_read(looked_at: Project) -> None:
    summary = json.loads(Path("metrics/evaluate.json").read_text())
    selected = json.loads(Path("models/selected.json").read_text())["model"]
    assert selected == summary["selected"]
    val = {name: summary["models"][name]["val"] for name in BY_NAME}
    assert selected == max(BY_NAME, key=lambda name: (val[name]["auc"], -val[name]["log_loss"]))
    assert summary["test_videos"] == 4
    assert any("Only 4 independent groups" in warning for warning in summary["warnings"])
    alerts = summary["models"][selected]["alerts"]
    assert alerts["shoplifting_videos"] == alerts["normal_videos"] == 2
    assert alerts["normal_hours"] == pytest.approx(2 * 4.8 / 3600)
    predictions = pd.read_csv("metrics/predictions.csv")
    assert len(predictions) == len(BY_NAME) * 2 * 4 * 5
    assert set(predictions["split"]) == {"val", "test"}


def test_the_chosen_model_is_measured_on_parts_of_the_footage(looked_at: Project) -> None:
    slices = json.loads(Path("metrics/evaluate.json").read_text())["slices"]
    assert {(part["by"], part["name"], part["videos"]) for part in slices} == {
        ("source", "synthetic", 2),
        ("source", "old", 2),
        ("camera", "synthetic/cam1", 2),
        ("camera", "old/cam2", 2),
        ("lighting", "lit", 2),
        ("lighting", "dark", 2),
        ("resolution", "low", 2),
        ("resolution", "high", 2),
        ("store", "Ghent", 2),
    }


def test_each_model_is_a_nested_run_with_comparable_metrics(looked_at: Project) -> None:
    records = [json.loads(line) for line in Path("evaluate.jsonl").read_text().splitlines()]
    started = [record["name"] for record in records if record["kind"] == "start"]
    assert started == list(BY_NAME)
    for name in BY_NAME:
        own = [record for record in records if record["run"] == f"/{name}"]
        params = next(record["values"] for record in own if record["kind"] == "params")
        metrics = next(record["values"] for record in own if record["kind"] == "metrics")
        assert params["architecture"] == name.removesuffix("_paper")
        assert {"test.accuracy", "test.f1", "test.auc", "val.auc", "val.log_loss"} <= set(metrics)
    digests = {record["path"] for record in records if record["kind"] == "digest"}
    assert digests == set(OUTPUTS)


def test_flipped_test_labels_choose_the_same_model(
    evaluated: tuple[Project, dict[str, str]], copied: Project
) -> None:
    splits = pd.read_parquet("data/dataset/splits.parquet")
    is_test = splits["split"] == "test"
    splits["label"] = splits["label"].where(~is_test, 1 - splits["label"])
    splits.to_parquet("data/dataset/splits.parquet", index=False)
    copied.score()
    found = copied.evaluate()
    assert found["models/selected.json"] == evaluated[1]["models/selected.json"]
    assert found["metrics/table.csv"] != evaluated[1]["metrics/table.csv"]


def test_missing_scores_leave_earlier_results(
    evaluated: tuple[Project, dict[str, str]], copied: Project
) -> None:
    Path("data/scores/cnn/clips.parquet").unlink()
    with pytest.raises(TableError, match="run the score stage first"):
        copied.evaluate()
    assert copied.figures() == evaluated[1]
