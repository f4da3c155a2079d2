"""The protocol on people: whom a video is judged by, and what one without anybody scores."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from aislewatch.models.build import build
from research.footage import Folded
from research.people import main_people
from research.recipe import Recipe
from research.trainings import NOBODY, video_logits

CATALOG = pd.DataFrame({"video": ["a", "b", "c"]})
TRACKED = pd.DataFrame(
    {
        "video": ["a", "a", "a", "c"],
        "file": ["a-0", "a-1", "a-2", "c-0"],
        "n_frames": [30, 30, 12, 12],
        "prominence": [0.2, 0.7, 9.0, 1.0],
    }
)


def test_the_most_prominent_who_is_there_for_a_whole_clip_stands_for_the_video() -> None:
    found = main_people(CATALOG, TRACKED)
    assert found["frames_file"].tolist() == ["a-1", "", ""]
    assert found["n_frames"].tolist() == [30, 0, 0]


def test_a_video_without_anybody_is_normal_and_teaches_nothing(tmp_path: Path) -> None:
    np.random.default_rng(0).integers(0, 255, (30, 192, 128), np.uint8).tofile(tmp_path / "a-1")
    videos = main_people(CATALOG, TRACKED).assign(label=[1, 0, 0], fold=[0, 1, 2], contradicted=0)
    data = Folded(videos, tmp_path)
    assert data.train_rows({3}).tolist() == [0]
    small = Recipe(network="cnn", size=16, encoder=(4,), hidden=4)
    torch.manual_seed(0)
    model = build(small.config(data)).eval()
    logits = video_logits(model, data, np.array([2, 0, 1]), tmp_path, torch.device("cpu"))
    assert logits[[0, 2]].tolist() == [NOBODY, NOBODY]
    assert abs(logits[1]) < 10.0
