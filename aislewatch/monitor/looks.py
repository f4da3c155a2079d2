"""Measures decoded footage a look a second, and sums it up by the hour; names faults on the way."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.alerts.clips import ScoredClip
from aislewatch.alerts.engine import raise_alerts
from aislewatch.alerts.rule import AlertRule
from aislewatch.frames.stills import BLACK, FULL, LUMA_SPAN, jpeg
from aislewatch.frames.stretches import FrameTimes
from aislewatch.monitor.cameras import CameraHealth, Notice
from aislewatch.monitor.picture import Grey, Structure

# What is known of every video, and what of those that the network has not learned from.
PICTURE_FIGURES = ("light", "contrast", "sharpness", "motion", "people")
SCORE_FIGURES = ("score", "alerts")

# What each figure is, for people.
MEANING = {
    "light": "mean grey level, 0 to 255",
    "contrast": "standard deviation of the grey levels",
    "sharpness": "fine detail beside coarse structure",
    "motion": "mean change of a pixel in a second, grey levels",
    "people": "people in the picture",
    "score": "mean score of the clips, 0 to 1",
    "alerts": "alerts an hour",
}

HOUR_S = 3600

# Looks of a film, spread over it, that its camera's view is made of.
SAMPLES = 6

# Date and time in a recording's name, as recorders write them: 2026-11-30T14-05, 20261130_1405.
_RECORDED = re.compile(r"(?<!\d)20\d\d-?[01]\d-?[0-3]\d[T_ -]?([0-2]\d)[-:_.]?[0-5]\d")


@dataclass(frozen=True)
class WatchedVideo:
    """A decoded video.

    Args:
        camera: its camera.
        video: its name.
        folder: of the frames.
        file: of the frames, packed I420, in ``folder``.
        size: pixels a side.
        times: of the frames.
        clips: scored one after the other; None where nobody scored them, or learned from them.
        ways: first frame and length of each person's way; None where nobody looked for people.
    """

    camera: str
    video: str
    folder: Path
    file: str
    size: int
    times: FrameTimes
    clips: Sequence[ScoredClip] | None = None
    ways: Sequence[tuple[int, int]] | None = None

    def frames(self) -> Iterator[tuple[int, Grey]]:
        """Yield a frame a second: its number, and its light as float32 (size, size), 0 to 255."""
        stored = np.memmap(self.folder / self.file, np.uint8, "r")
        planes = stored.reshape(-1, self.size * 3 // 2, self.size)
        for frame in range(0, len(planes), self.times.fps):
            luma = planes[frame, : self.size].astype(np.float32)
            yield frame, ((luma - BLACK) * (FULL / LUMA_SPAN)).clip(0, FULL)

    def still(self, frame: int) -> bytes:
        """Encode a frame as JPEG."""
        return jpeg(self.folder, self.file, frame, self.size)


@dataclass(frozen=True)
class Seen:
    """A notice of a film, and the picture at that moment as JPEG."""

    camera: str
    video: str
    notice: Notice
    still: bytes


@dataclass(frozen=True)
class WatchedFigures:
    """What a film's looks say.

    Args:
        hours: a row an hour of it: ``camera``, ``video``, ``hour`` (of the day, or -1), a column a
            figure; NaN where it is not known.
        view: float32 (samples, size, size), pictures spread over it.
        still: its middle frame as JPEG.
        seen: faults of the camera that began in it.
    """

    hours: pd.DataFrame
    view: Grey
    still: bytes
    seen: tuple[Seen, ...]


def measure(
    film: WatchedVideo, rule: AlertRule | None, reference: Grey | None = None
) -> WatchedFigures:
    """Look at a film once a second.

    Args:
        film: what to look at; its frames are read once.
        rule: raises alerts of its clips, where it has any.
        reference: the camera's view when all was well; None: faults are not looked for.
    """
    rows, greys, frames, seen = [], [], [], []
    health = None if reference is None else CameraHealth(reference)
    before: Grey | None = None
    for frame, grey in film.frames():
        picture = Structure.of(grey)
        motion = np.nan if before is None else float(np.abs(grey - before).mean())
        at = film.times.shown_from(frame)
        people = np.nan if film.ways is None else _counted(film.ways, frame)
        rows.append((at, picture.light, picture.contrast, picture.sharpness, motion, people))
        before = grey
        frames.append(frame)
        greys.append(grey.astype(np.uint8))
        for notice in [] if health is None else health.update(greys[-1], at):
            if not notice.over:
                seen.append(Seen(film.camera, film.video, notice, film.still(frame)))
    looks = pd.DataFrame(rows, columns=["at", *PICTURE_FIGURES])
    looks["number"] = (looks["at"] // HOUR_S).astype(int)
    hours = looks.groupby("number")[list(PICTURE_FIGURES)].mean()
    hours[list(SCORE_FIGURES)] = _scores(film, rule, hours.index, looks["number"])
    first = recorded_hour(film.video)
    of_day = -1 if first is None else (first + hours.index) % 24
    hours.insert(0, "hour", of_day)
    hours.insert(0, "video", film.video)
    hours.insert(0, "camera", film.camera)
    chosen = np.unique(np.linspace(0, len(greys) - 1, SAMPLES).round().astype(int))
    view = np.stack([greys[place] for place in chosen]).astype(np.float32)
    return WatchedFigures(
        hours.reset_index(drop=True), view, film.still(frames[len(frames) // 2]), tuple(seen)
    )


def recorded_hour(name: str) -> int | None:
    """Read the hour of the day from a recording's name, where its date and time stand in it."""
    found = _RECORDED.search(name)
    hour = int(found[1]) if found else None
    return hour if hour is not None and hour < 24 else None


def _counted(ways: Sequence[tuple[int, int]], frame: int) -> float:
    return float(sum(first <= frame < first + length for first, length in ways))


def _scores(
    film: WatchedVideo, rule: AlertRule | None, numbers: pd.Index, looks: pd.Series
) -> pd.DataFrame:
    """Return the mean score and the alerts an hour, for each hour of a film."""
    unknown = pd.DataFrame(np.nan, index=numbers, columns=list(SCORE_FIGURES))
    if not film.clips or rule is None:
        return unknown
    clips = pd.DataFrame(
        {"at": [c.start_s for c in film.clips], "s": [c.score for c in film.clips]}
    )
    unknown["score"] = clips.groupby((clips["at"] // HOUR_S).astype(int))["s"].mean()
    raised = [int(alert.start_s // HOUR_S) for alert in raise_alerts(film.clips, rule)]
    counts = pd.Series(raised, dtype=int).value_counts().reindex(numbers, fill_value=0)
    unknown["alerts"] = counts * HOUR_S / looks.value_counts().reindex(numbers)
    return unknown
