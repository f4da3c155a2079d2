"""A project of untrained networks on tiny footage, in which score, evaluate and report can run."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from aislewatch.config.params import Params, load_params
from aislewatch.evaluate.stage import work as evaluate
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.models.build import ModelConfig, build, save_model
from aislewatch.models.rows import BY_NAME
from aislewatch.models.sizes import network_of
from aislewatch.report.stage import work as report
from aislewatch.score.stage import work as score
from aislewatch.tables.people import TRACKS
from aislewatch.tables.validate import VIDEOS as VIDEOS_TABLE
from aislewatch.tracking.journal import Journal
from aislewatch.tune.pictures import draw_pictures
from tests.code_closure import ROOT

VIDEOS, FRAMES, SIZE = 12, 48, 64
OUTPUTS = [
    "metrics/evaluate.json",
    "metrics/table.csv",
    "metrics/predictions.csv",
    "models/selected.json",
]


@dataclass(frozen=True)
class Project:
    """A project folder, and the parameters of its stages."""

    root: Path
    params: Params

    def score(self) -> None:
        """Score every network."""
        for name in BY_NAME:
            score(name, self.params, Journal(self.root / "score.jsonl"))

    def evaluate(self) -> dict[str, str]:
        """Run evaluate; return its outputs' digests."""
        evaluate(self.params, Journal(self.root / "evaluate.jsonl"))
        return self.figures()

    def report(self) -> dict[str, str]:
        """Run report; return its outputs' digests."""
        report(self.params, Journal(self.root / "report.jsonl"))
        return self.drawn()

    def figures(self) -> dict[str, str]:
        """Hash every output of evaluate."""
        return {name: sha256_file(self.root / name) for name in OUTPUTS}

    def drawn(self) -> dict[str, str]:
        """Hash every output of report."""
        return {"reports/evaluate": sha256_tree(self.root / "reports/evaluate")}


def make_scored(folder: Path) -> Project:
    """Make a project whose networks are scored; it is not the working folder afterwards."""
    params = load_params(ROOT / "params.yaml")
    changes = {
        "evaluate": params.evaluate.model_copy(update={"resamples": 200, "mistakes": 5}),
        "frames": params.frames.model_copy(update={"fps": 10, "size": SIZE}),
    }
    project = Project(folder, params.model_copy(update=changes))
    write_data(folder)
    _write_models(folder, params)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        project.score()
    return project


def copy_of(project: Project, folder: Path) -> Project:
    """Copy a project, for tests that change it."""
    shutil.copytree(project.root, folder)
    return Project(folder, project.params)


def write_data(root: Path) -> None:
    """Write frames and the tables of a project of twelve videos: four on each side of the split."""
    (root / "data/dataset/frames").mkdir(parents=True)
    (root / "data/labels").mkdir()
    rng = np.random.default_rng(0)
    catalog, videos, clips = [], [], []
    for number in range(VIDEOS):
        label = ("normal", "shoplifting")[number % 2]
        video, file = f"synthetic/cam1/{label}/v{number:02d}.mp4", f"{number:02d}.yuv"
        # A dark bar that moves in front of a random wall.
        late = number >= VIDEOS // 2  # the later half: dark, of another source and camera, sharper
        wall = rng.integers(20, 80, 1) if late else rng.integers(90, 200, 1)
        frames = rng.integers(wall - 20, wall + 20, (1, SIZE * 3 // 2, SIZE), np.uint8)
        frames = np.tile(frames, (FRAMES, 1, 1))
        frames[:, SIZE:] = 128
        for t in range(FRAMES):
            frames[t, 20:35, t : t + 15] = 20
        frames.tofile(root / "data/dataset/frames" / file)
        source, camera, height = (
            ("old", "old/cam2", 480) if late else ("synthetic", "synthetic/cam1", 240)
        )
        # As folders say it; a videos.csv names the camera, and some shops.
        catalog.append((video, source, file, FRAMES, FRAMES / 10, label, "folder", height, 25.0))
        store = "Ghent" if number % 2 else ""
        videos.append((video, source, camera, "", "", "", store, f"ticket {number}"))
        split = ("train", "val", "test")[number // 2 % 3]
        clips += [(video, file, start, number % 2, video, split) for start in range(0, 33, 8)]
    columns = ["video", "source", "frames_file", "n_frames", "duration_s"]
    columns += ["label", "camera", "height", "fps"]
    table = pd.DataFrame(catalog, columns=columns).sort_values("video")
    table = table.assign(end_s=table["duration_s"], stretches="0@0", store_fps=10)
    table = table.assign(width=table["height"] * 4 // 3)
    TRACKS.at(root / TRACKS.path).write(TRACKS.frame([]))
    table.to_parquet(root / "data/dataset/catalog.parquet", index=False)
    columns = [*VIDEOS_TABLE.names, "store", "ticket"]
    known = pd.DataFrame(videos, columns=columns).astype("str").sort_values("video")
    known.to_parquet(root / "data/labels/videos.parquet", index=False)
    events = table[["video", "label"]].assign(start_s=0.0, end_s=FRAMES / 10)
    events.to_parquet(root / "data/labels/annotations.parquet", index=False)
    settings = {"lr": 0.004, "beta1": 0.9, "beta2": 0.99, "eps": 1e-7}
    found = settings | {"study": "5eed", "trial": 1, "val_loss": 0.1234}
    (root / "data/best.json").write_text(json.dumps(found))
    (root / "reports/tune").mkdir(parents=True)
    draw_pictures([], root / "reports/tune")
    columns = ["video", "frames_file", "start", "label", "group", "split"]
    splits = pd.DataFrame(clips, columns=columns).sort_values(["video", "start"])
    splits.to_parquet(root / "data/dataset/splits.parquet", index=False)


def _write_models(root: Path, params: Params) -> None:
    (root / "metrics" / "curves").mkdir(parents=True)
    for seed, name in enumerate(BY_NAME):
        torch.manual_seed(seed)
        config = ModelConfig.model_validate(
            {
                "architecture": name.removesuffix("_paper"),
                "model": network_of(params.model),
                "frame_size": SIZE,
                "n_frames": 16,
                "step": 1,
                "fps": 10,
            }
        )
        save_model(root / "models" / name, build(config))
        curve = {
            "epoch": [1, 2, 3],
            "train_loss": [0.17, 0.12, 0.1],
            "val_loss": [0.17, 0.14, 0.15],
        }
        pd.DataFrame(curve).to_csv(root / f"metrics/curves/{name}.csv", index=False)
