"""Finds the people of one video as the track stage does, for a network that is shown people."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aislewatch.config.params import Params
from aislewatch.config.people import People
from aislewatch.errors import ModelError
from aislewatch.frames.sources import ClipSource
from aislewatch.models.people_form import PeopleForm
from aislewatch.people.finding import Finder, Footage, FoundWay, Graphs
from aislewatch.people.store import FEATURES, SQUARES
from aislewatch.register.bundle import DETECTOR
from aislewatch.tables.people import TRACKED

# What one video's rows are called in tables that have many.
VIDEO = "video"


@dataclass(frozen=True)
class PeopleSeen:
    """The people of one video.

    Args:
        source: where a network's views of them lie.
        found: their ways, by track.
    """

    source: ClipSource
    found: Sequence[FoundWay]

    def box(self, track: int, frame: int) -> NDArray[np.float64]:
        """Return left, top, right, bottom of a person in a frame of the store, displayed pixels."""
        way = self.found[track].way
        box_4: NDArray[np.float64] = way.boxes[np.clip(frame - way.first, 0, len(way.boxes) - 1)]
        return box_4


def see_people(
    footage: Footage,
    form: PeopleForm,
    encoder: str,
    model_folder: Path,
    params: Params,
    scratch: Path,
) -> PeopleSeen:
    """Find the people of a video by the detector that the model was trained behind.

    Args:
        footage: the video.
        form: how the model was shown people.
        encoder: ``model.encoder`` of the model.
        model_folder: holds the detector.
        params: section ingest.
        scratch: an empty folder, in which the people's files lie afterwards.

    Raises:
        ModelError: the detector is missing, or not the one that the model was trained behind.
        FootageError: the video cannot be decoded.
    """
    graphs = Graphs(model_folder / DETECTOR, form.square, form.regions)
    if graphs.sha256 != form.detector:
        raise ModelError(
            f"{model_folder / DETECTOR} is not the detector that the model was trained behind; "
            "register the model again"
        )
    people = People(
        detector="yolox",
        weights=params.people.weights,
        square=form.square,
        every=form.every,
        regions=list(form.regions),
    )
    settings = (scratch, footage.times.fps, people, form.track, params.ingest)
    with closing(Finder(graphs, *settings)) as finder:
        files = scratch / "people"
        files.mkdir()
        found = finder.find(footage, files)
    kind = FEATURES if encoder == "detector" else SQUARES
    tracked = TRACKED.frame(
        (VIDEO, track, f"{track:06d}.{kind}", one.first, len(one.squares), one.prominence)
        for track, one in enumerate(found)
    )
    return PeopleSeen(ClipSource(files, tracked), found)
