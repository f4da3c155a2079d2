"""Scores of made-up models on made-up videos, whose clips share their video's luck."""

from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.alerts.clips import ScoredClip
from aislewatch.alerts.rule import rule_at
from aislewatch.config.judging import Evaluate
from aislewatch.config.params import load_params
from aislewatch.evaluate.summary import Evaluation, evaluate_models
from aislewatch.models.rows import BY_NAME
from aislewatch.score.events import (
    VideoScores,
)
from aislewatch.score.scored import Scored

SETTINGS = Evaluate(
    resamples=400, confidence=0.95, mistakes=6, grace_s=2.0, alarm_s=30.0, max_alert_share=0.5
)
SHIPPED = load_params(Path(__file__).parent.parent / "params.yaml").alerts
# One false alarm a camera and day.
ASKED = SHIPPED.model_copy(update={"consecutive": 3, "false_alarm_budget": 0.042})
RULE = rule_at(ASKED, ASKED.fallback_threshold)


def simulated(
    n_videos: int,
    clips: int,
    rng: np.random.Generator,
    signal: float = 1.0,
    spread: float = 1.0,
    by_chance: bool = False,
    files: int = 1,
) -> pd.DataFrame:
    """Make clips whose scores share a recording's luck: half shoplifting, or each by chance.

    A recording is cut into ``files`` videos, one by default. Intervals resample the class of a
    recording too, so they are as wide as chance makes it vary.
    """
    rows = []
    for video in range(n_videos):
        if video % files == 0:
            label = int(rng.integers(2)) if by_chance else video // files % 2
            luck = rng.normal(0.0, spread)
        logits = signal * (2 * label - 1) + luck + rng.normal(0.0, 1.0, clips)
        name, group = f"v{video:04d}", f"r{video // files:04d}"
        for start, logit in enumerate(logits):
            rows.append((name, f"{name}.yuv", start, group, "test", label, logit))
    columns = ["video", "frames_file", "start", "group", "split", "label", "score"]
    frame = pd.DataFrame(rows, columns=columns)
    scores = 1.0 / (1.0 + np.exp(-frame["score"]))
    return frame.assign(score=scores, start_s=frame["start"] / 10, track=-1)


def scored(name: str, val: pd.DataFrame, test: pd.DataFrame) -> Scored:
    both = pd.concat([val.assign(split="val"), test.assign(split="test")], ignore_index=True)
    facts = {
        "architecture": "cnn",
        "input": "diff",
        "input_size": 32,
        "parameters": 1000,
        "temperature": 1.0,
    }
    return Scored(name, facts, both, {"val": whole_videos(val), "test": whole_videos(test)})


def whole_videos(clips: pd.DataFrame, duration_s: float = 16.0) -> list[VideoScores]:
    """Lay each video's clips one after the other, 0.8 s apart; shoplifting is all event."""
    return [
        VideoScores(
            str(video),
            duration_s,
            ((0.0, duration_s),) if own["label"].any() else (),
            tuple(
                ScoredClip(0.8 * i, 0.8 * i + 1.6, s) for i, s in enumerate(own["score"].tolist())
            ),
        )
        for video, own in clips.groupby("video")
    ]


def cameras(models: list[Scored]) -> pd.DataFrame:
    """Give the test videos two cameras, by turns."""
    names = sorted(set(models[0].side("test")["video"]))
    return pd.DataFrame(
        {"camera": [("door", "till")[i // 2 % 2] for i in range(len(names))]}, names
    )


def five_models(rng: np.random.Generator, n_videos: int = 40) -> list[Scored]:
    """Score the same clips by all five; the later in the paper's table, the better."""
    found = []
    for quality, name in enumerate(BY_NAME):
        val, test = (simulated(n_videos, 6, rng, 0.3 + 0.4 * quality) for _ in range(2))
        found.append(scored(name, val, test))
    return found


def evaluated(*models: Scored) -> Evaluation:
    """Evaluate these models under the settings above."""
    return evaluate_models(models, cameras(list(models)), SETTINGS, ASKED)
