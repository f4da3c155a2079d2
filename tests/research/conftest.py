"""Fixtures of the accuracy protocol's tests."""

from pathlib import Path

import numpy as np
import pytest

from research.footage import (
    FRAMES,
    SIZE,
    TABLE,
)
from tests.research.folded_videos import some_videos


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
