"""Writes the evidence folder of an alert."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aislewatch.alerts.clips import Box, ScoredClip
from aislewatch.errors import FootageError
from aislewatch.evidence.alert import LiveAlert, in_utc
from aislewatch.evidence.blur import blurred
from aislewatch.evidence.film import FilmWriter
from aislewatch.files import remove_abandoned, sha256_file, whole_folder, write_json

EVIDENCE = "evidence"  # below the live folder

# Seconds before and after within which a person's box hides that person, too: a detector may lose
# somebody for as long as a track may have gaps (track.gap, 0.8 s at 10 frames a second).
HIDDEN_S = 0.8


@dataclass(frozen=True)
class Picture:
    """A picture of the film: its second, counted from the film's beginning; uint8, H×W×3."""

    at_s: float
    rgb_HWC: NDArray[np.uint8]


@dataclass(frozen=True)
class SeenPerson:
    """Where a person was at a second of the film, as shares of the picture."""

    at_s: float
    track: int
    box: Box


@dataclass(frozen=True)
class AlertFilm:
    """The seconds around an alert.

    Args:
        begin: time of day of its second 0.
        pictures: in order of time; read once.
        scores: of the clips in it, in seconds of the film.
        people: who was seen, and where; empty where the model looks at whole pictures.
    """

    begin: datetime
    pictures: Iterable[Picture]
    scores: Sequence[ScoredClip] = ()
    people: Sequence[SeenPerson] = ()


def write_evidence(live: Path, alert: LiveAlert, film: AlertFilm) -> Path:
    """Write an alert's folder, whole or not at all; return it.

    Written again, it is replaced: an alert has one folder.

    Raises:
        FootageError: the film has no picture.
    """
    folder = live / EVIDENCE / alert.id
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Films of people, which no desk knows of and would ever delete.
    remove_abandoned(folder.parent)
    peak_s = _peak_s(alert, film)
    with whole_folder(folder) as temporary:
        last_s = _write_films(temporary, film, peak_s)
        if last_s is None:
            raise FootageError(
                f"no picture is left of alert {alert.id}: the camera's stream broke off or could "
                "not be decoded"
            )
        write_json(temporary / "alert.json", alert.as_json())
        write_json(temporary / "timeline.json", _timeline(alert, film, last_s))
        digests = {path.name: sha256_file(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / "manifest.json", digests)
    return folder


def _write_films(folder: Path, film: AlertFilm, peak_s: float) -> float | None:
    """Write both films and the poster; return the second of the last picture, if there is one."""
    last_s, poster, nearest_s = None, None, float("inf")
    with FilmWriter(folder / "original.mp4") as original, FilmWriter(folder / "clip.mp4") as clip:
        for picture in film.pictures:
            near = [
                person.box for person in film.people if abs(person.at_s - picture.at_s) <= HIDDEN_S
            ]
            hidden_HWC = blurred(picture.rgb_HWC, near)
            original.add(picture.at_s, picture.rgb_HWC)
            clip.add(picture.at_s, hidden_HWC)
            last_s = picture.at_s
            if abs(picture.at_s - peak_s) < nearest_s:
                poster, nearest_s = hidden_HWC, abs(picture.at_s - peak_s)
        if poster is not None:
            original.finish()
            clip.finish()
            Image.fromarray(poster).save(folder / "poster.jpg", quality=85)
    return last_s


def _peak_s(alert: LiveAlert, film: AlertFilm) -> float:
    """Return the second of the film whose picture stands for the alert."""
    begin_s, end_s = _seconds(alert.begin, film), _seconds(alert.end, film)
    inside = [clip for clip in film.scores if begin_s <= clip.start_s and clip.end_s <= end_s]
    if not inside:
        return (begin_s + end_s) / 2
    peak = max(inside, key=lambda clip: clip.score)
    return (peak.start_s + peak.end_s) / 2


def _seconds(moment: datetime, film: AlertFilm) -> float:
    return (moment - film.begin).total_seconds()


def _timeline(alert: LiveAlert, film: AlertFilm, last_s: float) -> dict[str, Any]:
    return {
        "film_begin": in_utc(film.begin),
        "film_end": in_utc(film.begin + timedelta(seconds=last_s)),
        "alert_s": [round(_seconds(moment, film), 3) for moment in (alert.begin, alert.end)],
        "threshold": alert.threshold,
        "scores": [
            {
                "start_s": round(clip.start_s, 3),
                "end_s": round(clip.end_s, 3),
                "score": round(clip.score, 6),
                "track": None if clip.track < 0 else clip.track,
            }
            for clip in film.scores
        ],
        "boxes": [
            {
                "at_s": round(person.at_s, 3),
                "track": person.track,
                "box": [round(side, 4) for side in person.box],
            }
            for person in film.people
        ],
    }
