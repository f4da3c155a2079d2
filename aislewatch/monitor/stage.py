"""Compares new footage with the project's own, and writes what changed: drift.json and the page."""

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.config.params import Params
from aislewatch.errors import AislewatchError, FootageError
from aislewatch.files import whole_file, whole_folder, write_csv, write_json
from aislewatch.monitor.cameras import MOVED, median
from aislewatch.monitor.drift import LEVEL, Drift, find_drift
from aislewatch.monitor.footage import (
    NewFootage,
    ScoringNetwork,
    new_films,
    reference_films,
    refused,
)
from aislewatch.monitor.found import CameraView, Monitored
from aislewatch.monitor.looks import PICTURE_FIGURES, SCORE_FIGURES, WatchedFigures, measure
from aislewatch.monitor.page import render
from aislewatch.monitor.picture import Structure, agreement
from aislewatch.tables import places

log = logging.getLogger(__name__)

# Looks of a camera that its view is the median of; the newest are taken.
VIEW = 60

# Told (videos done, videos in all).
Progress = Callable[[int, int], None]


def monitor(
    new: NewFootage,
    params: Params,
    network: ScoringNetwork | None,
    progress: Progress,
    out: Path = places.MONITOR,
) -> Monitored:
    """Compare a folder of new videos with the project's own, camera by camera.

    Args:
        new: videos of a folder; the folders in it name their cameras, as in ``data/raw``.
        params: sections frames, ingest and machine.
        network: whose scores are compared; None: pictures alone.
        progress: told after each new video.
        out: gets ``drift.json``, ``index.html`` and ``hours.csv``, whole or not at all.

    Raises:
        FootageError: none of the videos can be used, or the project has none of its own.
    """
    rule = None if network is None else network.rule
    films = reference_films(params.frames.size, network, new.digests())
    reference: dict[str, list[WatchedFigures]] = defaultdict(list)
    for film in films:
        reference[film.camera].append(measure(film, rule))
    if not reference:
        raise FootageError("there is no other footage to compare with; run `dvc repro ingest`")
    before = {name: _camera(parts) for name, parts in reference.items()}
    found: dict[str, list[WatchedFigures]] = defaultdict(list)
    notes = [] if network else ["scores and alerts were not compared: no network was given"]
    with new_films(network, params) as opened:
        for done, video in enumerate(new.videos, start=1):
            name = new.camera(video, list(before))
            known = before.get(name)
            try:
                with opened(video, name) as film:
                    found[name].append(measure(film, rule, None if known is None else known.view))
            except AislewatchError as error:
                notes.append(refused(video, error))
            progress(done, len(new.videos))
    if not found:
        raise FootageError(f"no video of {new.folder} could be looked at: {'; '.join(notes)}")
    notes += [
        f"camera {name}: there is no reference, its videos were not compared"
        for name in found.keys() - before.keys()
    ]
    hours = pd.concat([_hours(reference, False), _hours(found, True)], ignore_index=True)
    shared = hours[hours["camera"].isin(found.keys() & before.keys())]
    result = Monitored(
        drift=_decide(shared),
        faults=tuple(seen for parts in found.values() for part in parts for seen in part.seen),
        hours=hours,
        before=before,
        now={name: _camera(parts) for name, parts in found.items()},
        notes=tuple(sorted(notes)),
        at=datetime.now(UTC),
    )
    _write(result, out)
    return result


def _decide(hours: pd.DataFrame) -> Drift:
    """Judge pictures on all hours, and scores on those that have them; each at half the level."""
    # A video of one look has no motion.
    moving = hours[hours["motion"].notna()]
    pictures = find_drift(moving, PICTURE_FIGURES, LEVEL / 2)
    scored = hours[hours[list(SCORE_FIGURES)].notna().all(axis=1)]
    scores = find_drift(scored, SCORE_FIGURES, LEVEL / 2)
    unjudged = [f"pictures of {words}" for words in pictures.unjudged]
    unjudged += [f"scores of {words}" for words in scores.unjudged]
    return Drift(pictures.shifts + scores.shifts, tuple(unjudged))


def _camera(parts: list[WatchedFigures]) -> CameraView:
    """Return a camera's view, if its videos agree on one: a folder may hold several cameras."""
    looks = np.concatenate([part.view for part in parts[-VIEW:]])[-VIEW:]
    view = Structure.of(median(list(looks)))
    agreed = [
        agreement(Structure.of(median(list(part.view))), view)
        for part in parts[-VIEW:]
        if part.view.shape == parts[-1].view.shape
    ]
    alone = not agreed or float(np.median(agreed)) >= MOVED
    return CameraView(view.grey if alone else None, parts[-1].still)


def _hours(cameras: dict[str, list[WatchedFigures]], new: bool) -> pd.DataFrame:
    parts = [part.hours for name in sorted(cameras) for part in cameras[name]]
    return pd.concat(parts, ignore_index=True).assign(new=new)


def _write(result: Monitored, out: Path) -> None:
    with whole_folder(out) as temporary:
        write_csv(temporary / "hours.csv", result.hours, float_format="%.6g")
        with whole_file(temporary / "index.html") as page:
            page.write_text(render(result), encoding="utf-8")
        write_json(
            temporary / "drift.json",
            {
                "drift": bool(result.drift.drifted),
                "why": result.why,
                "at": result.at.isoformat(timespec="seconds"),
                "faults": sorted({f"{s.camera}: {s.notice.fault}" for s in result.faults}),
            },
        )
