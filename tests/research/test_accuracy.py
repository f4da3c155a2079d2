"""The accuracy protocol keeps its folds apart, selects inside them, and reports what it ran."""

import csv
import dataclasses
import json
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislewatch.models.build import load_model
from research import accuracy, report, space
from research.folds.make_mnnit import folded
from research.footage import (
    FOLDS_FILE,
    TABLE,
    read_folded,
)
from research.plan import Benchmark
from research.reduced import SMALL
from research.reduced import main as reduced
from research.select import FOLDS, PAIRS, inner_score, job_name
from research.trainings import Job, Machine, Shelf, run
from tests.research.folded_videos import CPU, TINY, some_data

FOREVER = float("inf")


def test_no_recording_lies_in_two_folds_and_each_holds_both_labels() -> None:
    with FOLDS_FILE.open() as file:
        rows = list(csv.DictReader(file))
    folds, labels = defaultdict(set), defaultdict(set)
    for row in rows:
        folds[row["recording"]].add(row["fold"])
        labels[row["fold"]].add(row["label"])
    assert len(rows) == 274
    assert all(len(found) == 1 for found in folds.values())
    assert [len(found) for found in labels.values()] == [2] * FOLDS


@pytest.mark.corpus
def test_the_committed_folds_are_what_the_script_makes(corpus: Path) -> None:
    made = folded(corpus)
    assert made.to_csv(index=False) == FOLDS_FILE.read_text()


def test_what_an_outer_fold_chooses_by_never_depends_on_its_own_clips(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    data, shelf = some_data(random), Shelf(tmp_path)
    for pair in PAIRS:
        name = job_name("convlstm", "start", pair, 0)
        shelf.results[name] = {"logits": random.normal(size=20)}
    for outer in range(FOLDS):
        before = inner_score(outer, "convlstm", "start", 0, shelf, data)
        changed = Shelf(tmp_path)
        for pair in PAIRS:
            name = job_name("convlstm", "start", pair, 0)
            fold = data.column("fold")
            own = fold[np.isin(fold, pair)] == outer
            # Trainings that saw the outer fold, and all scores of its clips, turned around.
            logits = shelf.results[name]["logits"]
            changed.results[name] = {"logits": np.where(own | (outer not in pair), -logits, logits)}
        assert inner_score(outer, "convlstm", "start", 0, changed, data) == before


def test_training_rows_leave_out_folds_and_contradictions() -> None:
    data = some_data(np.random.default_rng(1))
    rows = data.train_rows({1, 3})
    assert set(data.column("fold")[rows]) == {0, 2, 4}
    assert not data.column("contradicted")[rows].any()
    fewer = data.some_recordings({1, 3}, 0.5, 0)
    assert set(fewer) < set(rows)
    job = Benchmark(data, Shelf(Path("nowhere"))).job(TINY, "x", (1, 3), 0)
    assert set(data.column("fold")[job.test]) == {1, 3}
    assert not set(job.test) & set(job.train)


def test_changes_that_help_are_combined_best_first_and_never_two_of_one_kind() -> None:
    scores = dict.fromkeys(space.singles("convlstm"), 0.5)
    scores |= {"no norm": 0.9, "group norm": 0.8, "mixup": 0.7, "30 frames": 0.6}
    found = space.combinations("convlstm", scores)
    assert list(found) == ["mixup + no norm", "30 frames + mixup + no norm"]
    recipe = found["30 frames + mixup + no norm"]
    assert (recipe.norm, recipe.mixup, recipe.frames, recipe.step) == ("none", 0.4, 30, 1)
    assert "group norm" not in space.singles("lstm")
    assert "smaller crops" not in space.singles("convlstm", features=True)


def test_a_run_that_was_stopped_goes_on_and_counts_every_training(
    folder: Path, tmp_path: Path
) -> None:
    data, shelf = read_folded(folder), Shelf(tmp_path)
    plan = Benchmark(data, shelf)
    jobs = [plan.job(TINY, "x", (outer,), 0) for outer in range(3)]
    assert not run(jobs, data, shelf, CPU, until=0.0)
    assert run(jobs[:2], data, shelf, CPU, FOREVER)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.json")}
    again = Shelf(tmp_path)
    assert len(again.results) == len(before) == 2
    kept = dataclasses.replace(jobs[2], keep_weights=True)
    assert run([*jobs[:2], kept], data, again, Machine("cpu", 2, "float32"), FOREVER)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before} == before
    assert len(Shelf(tmp_path).results) == 3
    assert load_model(again.network_folder(kept.name)).config.n_frames == TINY.frames
    other = Job(**(vars(jobs[0]) | {"recipe": TINY.but(lr=1.0)}))
    with pytest.raises(SystemExit, match="of another recipe; name another --out"):
        run([other], data, Shelf(tmp_path), CPU, FOREVER)


def test_the_command_trains_and_the_report_counts_and_pairs(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("research.stages.Recipe", lambda network, **_: TINY.but(network=network))
    monkeypatch.setattr("research.stages.SEEDS", (0, 1))
    arguments = ["--device", "cpu", "--stages", "start", "--networks", "convlstm", "cnn"]
    command = ["accuracy", str(folder), "--out", str(tmp_path), *arguments]
    for trained in (20, 0):
        monkeypatch.setattr(sys, "argv", command)
        accuracy.main()
        assert f"{trained} trainings in" in capsys.readouterr().out
    report.main(folder, tmp_path)
    said = capsys.readouterr().out
    assert said.startswith("20 trainings; the leads are those of convlstm, start")
    rows = [line.split(" | ") for line in said.splitlines() if line.startswith("| c")]
    assert [row[0] for row in rows] == ["| convlstm, start", "| cnn, start"]
    for row, network in zip(rows, ("convlstm", "cnn"), strict=True):
        assert row[1] == "10"
        right = 0.0
        for file in tmp_path.glob(f"{network}_start_*_0.json"):
            found = json.loads(file.read_text())
            videos = pd.read_csv(folder / TABLE)
            [outer] = {int(found["name"].split("|")[2])}
            label = videos.loc[videos["fold"] == outer, "label"].to_numpy()
            right += ((np.array(found["logits"]) > 0) == (label > 0)).sum()
        assert row[3].split()[0] == f"{100 * right / 20:.1f}"
    assert "[" in rows[1][5]


@pytest.mark.parametrize("also", [0, 1, 3])
def test_the_report_gives_each_video_its_own_score(tmp_path: Path, also: int) -> None:
    data, shelf = some_data(np.random.default_rng(0)), Shelf(tmp_path)
    fold = data.column("fold")
    for outer in range(FOLDS):
        held_out = tuple(sorted({outer, (outer + also) % FOLDS}))
        rows = np.flatnonzero(np.isin(fold, held_out))
        found = {"logits": rows / 10}
        shelf.results[job_name("convlstm", "x", held_out, 0)] = found
    table = report.prediction(Benchmark(data, shelf), "convlstm", "x", 0, also)
    assert table is not None
    expected = 1 / (1 + np.exp(-np.arange(len(fold)) / 10))
    np.testing.assert_allclose(table["score"], expected)
    assert list(table["group"]) == list(data.videos["recording"])
    del shelf.results[job_name("convlstm", "x", held_out, 0)]
    assert report.prediction(Benchmark(data, shelf), "convlstm", "x", 0, also) is None


def test_the_reduced_form_runs_on_the_synthetic_shop() -> None:
    began = time.monotonic()
    found = reduced(16, SMALL.but(epochs=1, frames=4), networks=("cnn",))
    assert 0.0 <= found["cnn"] <= 1.0
    assert time.monotonic() - began < 300
