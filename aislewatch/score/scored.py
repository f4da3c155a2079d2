"""A model's scores: of the labelled clips, and of whole videos from beginning to end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from aislewatch.labels.protocol import UNLABELED
from aislewatch.models.build import Detector
from aislewatch.models.scoring import score_clips
from aislewatch.score.alerts import successive_starts, timed_clips
from aislewatch.score.events import VideoScores, events_of

ADDRESS = ["video", "frames_file", "start"]

# Validation chooses model and threshold, test measures.
SIDES = ("val", "test")


@dataclass(frozen=True)
class Scored:
    """One model's scores.

    ``predictions`` has a row a labelled clip of validation and test, sorted: ``video``,
    ``frames_file``, ``start`` (frame in the store), ``split``, ``label``, ``score``.
    ``whole`` has, for ``val`` and ``test``, every successive clip of each video, those of ambiguous
    label too. ``facts`` describe the model.
    """

    name: str
    facts: Mapping[str, Any]
    predictions: pd.DataFrame
    whole: Mapping[str, Sequence[VideoScores]]

    def side(self, split: str) -> pd.DataFrame:
        """The predictions of one split."""
        return self.predictions[self.predictions["split"] == split].reset_index(drop=True)


@dataclass(frozen=True)
class Footage:
    """What is scored: ``splits``, ``catalog`` and ``annotations`` as the stages wrote them."""

    frames_dir: Path
    splits: pd.DataFrame
    catalog: pd.DataFrame
    annotations: pd.DataFrame


def score_model(name: str, model: Detector, footage: Footage, device: torch.device) -> Scored:
    """Score labelled clips and whole videos of validation and test; a clip in two roles once."""
    config = model.config
    labelled = footage.splits[footage.splits["split"].isin(SIDES)]
    whole = {side: _successive_clips(_videos(footage, side), model) for side in SIDES}
    clips = pd.concat([labelled[ADDRESS], *whole.values()]).drop_duplicates(ignore_index=True)
    clips = clips.assign(score=score_clips(model, clips, footage.frames_dir, device))
    predictions = labelled.merge(clips, on=ADDRESS, validate="one_to_one")
    predictions = predictions[["video", "frames_file", "start", "split", "label", "score"]]
    return Scored(
        name=name,
        facts={
            "architecture": config.architecture,
            "input": config.model.input,
            "input_size": config.model.input_size,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "temperature": float(model.temperature),
        },
        predictions=predictions.sort_values(["video", "start"], ignore_index=True),
        whole={
            side: _video_scores(own.merge(clips, on=ADDRESS), side, model, footage)
            for side, own in whole.items()
        },
    )


def _videos(footage: Footage, side: str) -> pd.DataFrame:
    names = footage.splits.loc[footage.splits["split"] == side, "video"].unique()
    return footage.catalog[footage.catalog["video"].isin(names)].sort_values("video")


def _successive_clips(videos: pd.DataFrame, model: Detector) -> pd.DataFrame:
    rows = [
        (row["video"], row["frames_file"], start)
        for row in videos.to_dict("records")
        for start in successive_starts(row["n_frames"], model.config.n_frames, model.config.step)
    ]
    return pd.DataFrame(rows, columns=ADDRESS).astype({"start": "int64"})


def _video_scores(
    clips: pd.DataFrame, side: str, model: Detector, footage: Footage
) -> list[VideoScores]:
    config = model.config
    by_video = dict(list(clips.sort_values("start").groupby("video")))
    found = []
    for row in _videos(footage, side).to_dict("records"):
        own = by_video[row["video"]]
        timed = timed_clips(
            own["start"].tolist(), own["score"].tolist(), config.n_frames, config.step, config.fps
        )
        events = events_of(footage.annotations, row["video"])
        unknown = events_of(footage.annotations, row["video"], UNLABELED)
        found.append(VideoScores(row["video"], row["duration_s"], events, timed, unknown))
    return found
