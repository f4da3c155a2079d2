"""Scores a model on validation and test: every labelled clip, and whole videos from end to end."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from aislewatch.files import whole_folder
from aislewatch.frames.sources import NO_TRACK, ClipSource
from aislewatch.frames.stretches import frame_times
from aislewatch.models.build import Detector
from aislewatch.models.scoring import score_clips
from aislewatch.score.clips import clip_span, successive_starts
from aislewatch.tables import places
from aislewatch.tables.score import scores_of

# Validation chooses model and threshold, test measures.
SIDES = ("val", "test")

ADDRESS = ["video", "frames_file", "start"]


def score_model(
    model: Detector,
    splits: pd.DataFrame,
    catalog: pd.DataFrame,
    source: ClipSource,
    device: torch.device,
    sides: Sequence[str] = SIDES,
) -> pd.DataFrame:
    """Score the labelled and the successive clips of these sides; a clip that is both, once.

    Args:
        model: as ``load_model`` returns it.
        splits: uses video, frames_file, start, split, label.
        catalog: uses video, frames_file, n_frames, stretches, store_fps.
        source: as ``source_of`` returns it for the model.
        device: as ``set_up_compute`` returns it.
        sides: of the split.

    Returns:
        The columns of ``tables.score``, a row a clip.

    Raises:
        FootageError: a file of the frame store is missing or too short.
    """
    labelled = splits[splits["split"].isin(sides)]
    side_of = labelled.drop_duplicates("video").set_index("video")["split"]
    successive = [
        _successive_clips(catalog, side_of.index[side_of == side], model) for side in sides
    ]
    clips = pd.concat([labelled[ADDRESS], *successive]).drop_duplicates(ignore_index=True)
    clips = score_views(model, clips, source, device)
    clips = clips.merge(labelled[[*ADDRESS, "label"]], on=ADDRESS, how="left", validate="1:1")
    follows = pd.concat(successive).assign(successive=True)
    clips = clips.merge(follows, on=ADDRESS, how="left", validate="1:1")
    times, span = frame_times(catalog), clip_span(model.config.n_frames, model.config.step)
    places = list(zip(clips["video"], clips["start"].tolist(), strict=True))
    return clips.assign(
        start_s=[times[video].shown_from(start) for video, start in places],
        end_s=[times[video].shown_until(start + span) for video, start in places],
        split=clips["video"].map(side_of),
        label=clips["label"].astype("Int64"),
        successive=clips["successive"].notna(),
    ).sort_values(["video", "start"], ignore_index=True)


def score_views(
    model: Detector, clips: pd.DataFrame, source: ClipSource, device: torch.device
) -> pd.DataFrame:
    """Score clips by what there is to see of each: the largest score of the people in it.

    A clip in which there is nobody is normal without a network: its score is 0.

    Args:
        model: as ``load_model`` returns it.
        clips: video, frames_file, start.
        source: as ``source_of`` returns it for the model.
        device: as ``set_up_compute`` returns it.

    Returns:
        ``clips``, in their order, with ``score`` and the ``track`` that it is of.

    Raises:
        FootageError: a file of frames is missing or too short.
    """
    views = source.views_of(clips, model.config.span)
    views = views.assign(score=score_clips(model, views, source.folder, device))
    highest = views.sort_values("score", kind="stable").drop_duplicates("row", keep="last")
    found = highest.set_index("row")[["score", "track"]].reindex(range(len(clips)))
    track = found["track"].fillna(NO_TRACK).to_numpy(np.int64)
    return clips.assign(score=found["score"].fillna(0.0).to_numpy(), track=track)


def describe_model(model: Detector) -> dict[str, Any]:
    """Say what the model is, for reports and for MLflow's comparison of models."""
    config = model.config
    return {
        "architecture": config.architecture,
        "input": config.model.input,
        "input_size": config.model.input_size,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "temperature": float(model.temperature),
    }


def write_scores(name: str, facts: Mapping[str, Any], clips: pd.DataFrame) -> Path:
    """Write a network's scores and facts, whole or not at all; return their folder.

    Args:
        name: of the network.
        facts: as ``describe_model`` returns them.
        clips: as ``score_model`` returns them.
    """
    table, facts_file = scores_of(name), places.facts_of(name)
    with whole_folder(table.path.parent) as folder:
        table.at(folder / table.path.name).write(clips[table.names])
        (folder / facts_file.name).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    return table.path.parent


def _successive_clips(catalog: pd.DataFrame, names: pd.Index, model: Detector) -> pd.DataFrame:
    chosen = catalog[catalog["video"].isin(names)].sort_values("video")
    times = frame_times(chosen)
    rows = [
        (video, frames_file, start)
        for video, frames_file in zip(chosen["video"], chosen["frames_file"], strict=True)
        for start in successive_starts(times[video], model.config.n_frames, model.config.step)
    ]
    return pd.DataFrame(rows, columns=ADDRESS).astype({"start": "int64"})
