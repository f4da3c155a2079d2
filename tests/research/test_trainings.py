"""The accuracy protocol's trainings are the product's."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import torch
import yaml

from aislewatch.config.params import load_params, parse_params
from aislewatch.models.people_form import PeopleForm
from aislewatch.models.scoring import score_clips
from aislewatch.train.data import TrainingData
from aislewatch.train.loop import train
from aislewatch.train.processes import Processes
from aislewatch.train.stage import recipe_of
from aislewatch.tune.space import suggest
from research.footage import (
    FORM,
    PACKED,
    SIZE,
    TABLE,
    pack,
    read_folded,
)
from research.plan import NETWORKS, Benchmark
from research.recipe import Recipe
from research.trainings import Shelf, learn, learned_windows, video_logits
from tests.research.folded_videos import CPU, ROOT, TINY, some_data


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
