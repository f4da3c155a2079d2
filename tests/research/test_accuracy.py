"""The accuracy protocol keeps its folds apart, selects inside them, trains as the product does."""

import csv
import dataclasses
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import torch
import yaml

from aislewatch.config.params import load_params, parse_params
from aislewatch.models.build import load_model
from aislewatch.models.people_form import PeopleForm
from aislewatch.models.scoring import score_clips
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import train
from aislewatch.train.processes import Processes
from aislewatch.train.stage import recipe_of
from aislewatch.tune.space import suggest
from research import accuracy, report, space
from research.folds.make_mnnit import folded
from research.footage import (
    FOLDS_FILE,
    FORM,
    FRAMES,
    PACKED,
    SIZE,
    TABLE,
    Folded,
    pack,
    read_folded,
)
from research.plan import NETWORKS, Benchmark
from research.recipe import Recipe
from research.reduced import SMALL
from research.reduced import main as reduced
from research.select import FOLDS, PAIRS, inner_score, job_name
from research.trainings import Job, Machine, Shelf, learn, learned_windows, run, video_logits

ROOT = Path(__file__).parents[2]
TINY = Recipe(
    size=16, frames=3, step=1, encoder=(4,), hidden=4, norm="none", epochs=2, batch=4, dropout=0.0
)
CPU = Machine("cpu", 1, "float32")
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


def some_videos(count: int, random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"mnnit/{n}.mp4" for n in range(count)],
            "label": np.arange(count) % 2,
            "recording": [str(n) for n in range(count)],
            "fold": np.arange(count) // 2 % FOLDS,
            "contradicted": (random.random(count) < 0.1).astype(int),
            "frames_file": [f"{n}.yuv" for n in range(count)],
            "first": 0,
            "n_frames": 5,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``research.pack`` writes it, of 20 videos that brighten or darken."""
    folder = tmp_path_factory.mktemp("protocol")
    random = np.random.default_rng(3)
    videos = some_videos(20, random).assign(contradicted=0)
    (folder / FRAMES).mkdir()
    for video in videos.itertuples():
        frames = random.integers(60, 100, (5, SIZE * 3 // 2, SIZE), np.uint8)
        frames += np.arange(5, dtype=np.uint8)[:: 1 if video.label else -1, None, None] * 30
        frames.tofile(folder / FRAMES / str(video.frames_file))
    videos.to_csv(folder / TABLE, index=False)
    return folder


# Selection


def some_data(random: np.random.Generator) -> Folded:
    return Folded(some_videos(50, random), Path("nowhere"))


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


# Trainings


def test_packed_frames_come_back(folder: Path, tmp_path: Path) -> None:
    data = read_folded(folder)
    pack(data.videos, data.frames_dir, tmp_path / PACKED)
    data.videos.to_csv(tmp_path / TABLE, index=False)
    travelled = read_folded(tmp_path)
    pd.testing.assert_frame_equal(travelled.videos, data.videos)
    for file in data.videos["frames_file"]:
        assert (travelled.frames_dir / file).read_bytes() == (data.frames_dir / file).read_bytes()


def test_a_video_is_learned_from_end_to_end() -> None:
    assert learned_windows(Recipe(), 30) == [0, 1]  # 15 frames, every second: 29 of 30
    assert learned_windows(Recipe(frames=16, step=1), 30) == [0, 7, 14]
    assert learned_windows(Recipe(frames=30, step=1), 30) == [0]


def test_a_job_is_the_products_training_of_its_recipe(folder: Path) -> None:
    data = read_folded(folder)
    recipe = TINY.but(frames=5, norm="group", mixup=0.4)
    job = Benchmark(data, Shelf(folder / "none")).job(recipe, "x", (2,), 1)
    model, result = learn(job, data, CPU)
    clips = data.videos.iloc[job.train].rename(columns={"first": "start"})
    clips = clips[["frames_file", "start", "label"]]
    training = recipe.training(data, 1, 2, "float32")
    ours, rows = train(
        training,
        TrainingData(clips, clips, data.frames_dir),
        Processes(torch.device("cpu")),
        lambda row: None,
    )
    assert result["losses"] == [row.train_loss for row in rows]
    weights = ours.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    test = data.videos.iloc[job.test].rename(columns={"first": "start"})
    scores = score_clips(ours, test, data.frames_dir, torch.device("cpu"))
    np.testing.assert_allclose(1 / (1 + np.exp(-np.array(result["logits"]))), scores, rtol=1e-5)
    learning = training.learning
    assert (learning.schedule, learning.warmup, learning.mixup) == ("cosine", 0.05, 0.4)
    assert (training.config.model.norm, training.config.model.mirrors) == ("group", True)


# The start of the search as docs/benchmarks.md says it in keys of params.yaml.
START_IN_PARAMS: dict[str, dict[str, Any]] = {
    "model": {
        **{"size": "small_gpu", "input_size": None, "encoder_channels": None},
        **{"input": "diff", "norm": "batch", "mirrors": True},
    },
    "segment": {"n_frames": 15, "step": 2},
    "learning": {
        "batch_size": 32,
        "focal_gamma": 0.0,
        "crop": 0.8,
        "speed": 0.2,
        "schedule": "cosine",
        "warmup": 0.05,
        "average": 0.98,
        "epoch_clips": None,
    },
    "search": {
        "lr": [1e-3, 1e-3],
        "one_minus_beta1": [0.1, 0.1],
        "one_minus_beta2": [1e-3, 1e-3],
        "eps": [1e-7, 1e-7],
        "weight_decay": [0.01, 0.01],
    },
    "tune": {"trials": 1, "epochs": 1},
    "train": {"epochs": 60, "patience": 60},
}


def test_the_start_of_the_search_is_what_the_stage_trains_by_these_keys() -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, keys in START_IN_PARAMS.items():
        values[section] |= keys
    values["frames"] |= {"fps": 10, "size": SIZE}
    params = parse_params(values, "test")
    tuned = suggest(optuna.create_study().ask(), params.search)
    by_stage = recipe_of("convlstm", params, tuned)
    data = some_data(np.random.default_rng(0))
    by_protocol = Recipe().training(data, params.seed, 60, "float32")
    assert by_protocol.learning == by_stage.learning
    assert by_protocol.config == by_stage.config
    ours, stages = (dataclasses.astuple(one.optimizer) for one in (by_protocol, by_stage))
    assert ours == pytest.approx(stages)
    assert (by_protocol.epochs, by_protocol.patience) == (by_stage.epochs, by_stage.patience)


def test_a_videos_logit_is_the_mean_of_its_windows(folder: Path) -> None:
    data = read_folded(folder)
    model, _ = learn(Benchmark(data, Shelf(folder / "none")).job(TINY, "x", (2,), 1), data, CPU)
    both = video_logits(model, data, np.array([7, 3]), data.frames_dir, torch.device("cpu"))
    clips = pd.DataFrame({"frames_file": ["3.yuv"] * 3, "start": [0, 1, 2]})
    scores = score_clips(model, clips, data.frames_dir, torch.device("cpu"))
    assert both[1] == pytest.approx(np.log(scores / (1 - scores)).mean(), abs=1e-5)


def test_features_of_people_are_learned_from_in_place_of_frames(
    folder: Path, tmp_path: Path
) -> None:
    videos = pd.read_csv(folder / TABLE)
    videos.to_csv(tmp_path / TABLE, index=False)
    track = load_params(ROOT / "params.yaml").track
    form = PeopleForm(detector="0" * 64, square=32, every=1, channels=6, track=track)
    (tmp_path / FORM).write_text(form.model_dump_json())
    features, random = tmp_path / "features", np.random.default_rng(0)
    features.mkdir()
    for file in videos["frames_file"]:
        random.integers(0, 256, (5, 2 * form.channels, 64), np.uint8).tofile(features / file)
    data = read_folded(tmp_path, features)
    for network in NETWORKS:
        job = Benchmark(data, Shelf(folder / "none")).job(TINY.but(network=network), "x", (0,), 0)
        model, result = learn(job, data, CPU)
        assert model.config.people == form
        assert len(result["logits"]) == len(job.test)
        assert np.isfinite(result["logits"]).all()


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


# The commands


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
