"""Reads one model's scores as evaluation and promotion need them: by clip and by whole video."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from aislewatch.alerts.clips import ScoredClip
from aislewatch.files import read_output
from aislewatch.frames.spans import UNLABELED
from aislewatch.frames.stretches import frame_times
from aislewatch.score.events import VideoScores, events_of
from aislewatch.tables import places
from aislewatch.tables.score import scores_of

PREDICTIONS = [
    *("video", "group", "frames_file", "start", "start_s", "track", "split", "label", "score"),
]


@dataclass(frozen=True)
class Dataset:
    """Holds what is known of the footage: the tables of these names.

    A video's camera is that of ``videos``, where a label file may have named it; the catalog knows
    only its folders.
    """

    splits: pd.DataFrame
    catalog: pd.DataFrame
    annotations: pd.DataFrame
    videos: pd.DataFrame


@dataclass(frozen=True)
class Scored:
    """One model's scores.

    ``predictions`` has a row a labelled clip of validation and test, sorted: ``video``, ``group``,
    ``frames_file``, ``start`` (frame in the store), ``start_s`` (seconds of the video), ``track``
    (the person whose score it is, or -1), ``split``, ``label``, ``score``.
    ``whole`` has, for each side, every successive clip of each video, those of ambiguous label too.
    ``facts`` describe the model.
    """

    name: str
    facts: Mapping[str, Any]
    predictions: pd.DataFrame
    whole: Mapping[str, Sequence[VideoScores]]

    def side(self, split: str) -> pd.DataFrame:
        """Return the predictions of one split."""
        return self.predictions[self.predictions["split"] == split].reset_index(drop=True)


def read_scored(name: str, dataset: Dataset) -> Scored:
    """Read a network's scores.

    Raises:
        TableError: there are none, or they are damaged.
        PipelineError: what its network is, is not stated, or damaged.
    """
    clips = scores_of(name).read()
    facts = read_output(places.facts_of(name))
    return scored(name, facts, clips, dataset)


def scored(name: str, facts: Mapping[str, Any], clips: pd.DataFrame, dataset: Dataset) -> Scored:
    """Put a table of scores beside the durations and events of its videos.

    Args:
        name: of the model.
        facts: as ``describe_model`` returns them.
        clips: as ``score_model`` returns them.
        dataset: uses splits (group), annotations, catalog (end_s, and what frame_times uses).
    """
    group_of = dict(zip(dataset.splits["video"], dataset.splits["group"], strict=True))
    clips = clips.assign(group=clips["video"].map(group_of))
    predictions = clips[clips["label"].notna()].astype({"label": "int64"})
    follows = clips[clips["successive"]]
    return Scored(
        name=name,
        facts=facts,
        predictions=predictions[PREDICTIONS].reset_index(drop=True),
        whole={str(side): _whole_videos(own, dataset) for side, own in follows.groupby("split")},
    )


def _whole_videos(clips: pd.DataFrame, dataset: Dataset) -> list[VideoScores]:
    end_s = dict(zip(dataset.catalog["video"], dataset.catalog["end_s"], strict=True))
    times = frame_times(dataset.catalog)
    found = []
    columns = ("start_s", "end_s", "score", "track")
    for name, own in clips.groupby("video"):
        video = str(name)
        events = events_of(dataset.annotations, video)
        scores = tuple(map(ScoredClip, *(own[column].tolist() for column in columns)))
        # Of what happened in a gap of the recording nobody knows either.
        unknown = (*events_of(dataset.annotations, video, UNLABELED), *times[video].gaps_s())
        group = str(own["group"].iloc[0])
        found.append(VideoScores(video, float(end_s[video]), events, scores, unknown, group))
    return found
