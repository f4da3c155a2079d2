"""Scores of made-up models on made-up videos, whose clips share their video's luck."""

import numpy as np
import pandas as pd

from aislewatch.alerts import ScoredClip
from aislewatch.config import Alerts, Evaluate
from aislewatch.evaluation.events import (
    VideoScores,
)
from aislewatch.evaluation.scored import Scored
from aislewatch.evaluation.table import NAMES

SETTINGS = Evaluate(resamples=400, confidence=0.95, mistakes=6, seed=0)
RULE = Alerts(method="consecutive", threshold=0.8, consecutive=3, window=5)


def simulated(
    n_videos: int, clips: int, rng: np.random.Generator, signal: float = 1.0, spread: float = 1.0
) -> pd.DataFrame:
    """Clips whose scores share a video's own luck: half the videos shoplifting."""
    rows = []
    for video in range(n_videos):
        label = video % 2
        luck = rng.normal(0.0, spread)
        logits = signal * (2 * label - 1) + luck + rng.normal(0.0, 1.0, clips)
        for start, logit in enumerate(logits):
            rows.append((f"v{video:04d}", f"v{video:04d}.yuv", start, "test", label, logit))
    columns = ["video", "frames_file", "start", "split", "label", "score"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(score=1.0 / (1.0 + np.exp(-frame["score"])))


def scored(name: str, val: pd.DataFrame, test: pd.DataFrame) -> Scored:
    both = pd.concat([val.assign(split="val"), test.assign(split="test")], ignore_index=True)
    videos = [
        VideoScores(
            str(video),
            16.0,
            ((0.0, 16.0),) if own["label"].any() else (),
            tuple(
                ScoredClip(0.8 * i, 0.8 * i + 1.6, s) for i, s in enumerate(own["score"].tolist())
            ),
        )
        for video, own in test.groupby("video")
    ]
    facts = {"architecture": "cnn", "input": "diff", "input_size": 32, "parameters": 1000}
    return Scored(name, facts, both, videos)


def five_models(rng: np.random.Generator, n_videos: int = 40) -> list[Scored]:
    """All five on the same clips; the later in the paper's table, the better."""
    found = []
    for quality, name in enumerate(NAMES):
        val, test = (simulated(n_videos, 6, rng, 0.3 + 0.4 * quality) for _ in range(2))
        found.append(scored(name, val, test))
    return found
