"""Computes the numbers that matter: precision by camera, response time, staged thefts caught."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import beta
from sqlalchemy import Connection, Row, func, select

from aislewatch.desk.clips import with_verdicts
from aislewatch.desk.schema import CLIPS, SAMPLED, STAGED, VERDICTS
from aislewatch.desk.verdicts import NOT_THEFT, THEFT

# Of every interval of the desk.
CONFIDENCE = 0.95

# Seconds from a staged theft to the last alert that may be about it.
CATCH_S = 60.0

DAY_S = 86_400


@dataclass(frozen=True)
class Share:
    """Holds ``hits`` of ``tries`` with the exact interval of Clopper and Pearson, 0 to 1.

    Of a weighted sample both are fractions: as many as an unweighted one would need.
    """

    hits: float
    tries: float
    confidence: float = CONFIDENCE

    @property
    def value(self) -> float | None:
        """Return the share; None of no tries."""
        return self.hits / self.tries if self.tries else None

    @property
    def low(self) -> float:
        """Return the lower bound."""
        tail = (1 - self.confidence) / 2
        return float(beta.ppf(tail, self.hits, self.tries - self.hits + 1)) if self.hits else 0.0

    @property
    def high(self) -> float:
        """Return the upper bound."""
        if self.hits == self.tries:
            return 1.0
        tail = (1 - self.confidence) / 2
        return float(beta.ppf(1 - tail, self.hits + 1, self.tries - self.hits))


@dataclass(frozen=True)
class CameraNumbers:
    """Holds one camera's alerts of one kind: the champion's, or the shadow challenger's.

    ``an_hour`` is of the days of which footage was kept; ``response_s`` the median first answer.
    """

    camera: str
    model: str
    shadow: bool
    alerts: int
    an_hour: float | None
    judged: int
    precision: Share
    response_s: float | None


# A camera's days of which samples were drawn, by its name and the day's begin: rows of SAMPLED.
SampledDays = Mapping[tuple[str, float], Row[Any]]


def sampled_days(connection: Connection) -> SampledDays:
    """Return the camera-days of which samples were drawn."""
    return {(row.camera, row.day): row for row in connection.execute(select(SAMPLED))}


def day_of(row: Mapping[str, Any]) -> tuple[str, float]:
    """Return a clip's camera-day, as ``SampledDays`` names it."""
    return row["camera"], row["begin"] // DAY_S * DAY_S


def alerts_an_hour(rows: Sequence[Mapping[str, Any]], days: SampledDays) -> float | None:
    """Return the alerts of an hour of these camera-days' footage; None of no footage."""
    alerts = [row for row in rows if day_of(row) in days]
    seconds = sum(day.seconds for day in days.values())
    seconds += sum(row["end"] - row["begin"] for row in alerts)
    return 3600 * len(alerts) / seconds if seconds else None


def by_camera(connection: Connection) -> list[CameraNumbers]:
    """Compute the numbers of every camera and model."""
    rows = [
        dict(row)
        for row in connection.execute(
            with_verdicts().where(CLIPS.c.kind == "alert").order_by(CLIPS.c.camera)
        ).mappings()
    ]
    first = select(VERDICTS.c.clip, func.min(VERDICTS.c.at)).group_by(VERDICTS.c.clip)
    answered: dict[str, float] = {clip: at for clip, at in connection.execute(first)}
    days = sampled_days(connection)
    keys = sorted({(row["camera"], row["shadow"], row["model"]) for row in rows})
    return [
        _numbers(
            [row for row in rows if (row["camera"], row["shadow"], row["model"]) == key],
            answered,
            days,
        )
        for key in keys
    ]


def _numbers(
    rows: Sequence[dict[str, Any]], answered: dict[str, float], days: SampledDays
) -> CameraNumbers:
    said = [row["verdict"] for row in rows]
    kept = {day: sampled for day, sampled in days.items() if day[0] == rows[0]["camera"]}
    thefts = said.count(THEFT)
    waits = [answered[row["id"]] - row["raised"] for row in rows if row["id"] in answered]
    return CameraNumbers(
        camera=rows[0]["camera"],
        model=rows[0]["model"],
        shadow=rows[0]["shadow"],
        alerts=len(rows),
        an_hour=alerts_an_hour(rows, kept),
        judged=sum(word is not None for word in said),
        precision=Share(thefts, thefts + said.count(NOT_THEFT)),
        response_s=statistics.median(waits) if waits else None,
    )


@dataclass(frozen=True)
class Acceptance:
    """Holds what the staged thefts of one camera showed; ``delays_s`` of those caught."""

    camera: str
    caught: Share
    delays_s: list[float]
    missed_at: list[float]

    @property
    def median_s(self) -> float | None:
        """Return the median delay from the theft to its alert; None if none was caught."""
        return statistics.median(self.delays_s) if self.delays_s else None


def acceptance(connection: Connection) -> list[Acceptance]:
    """Hold every staged theft against the champion's alerts of its camera.

    An alert catches the theft that was staged last before it, within a minute; one alert catches
    one theft.
    """
    staged: dict[str, list[float]] = {}
    for camera, at in connection.execute(
        select(STAGED.c.camera, STAGED.c.at).order_by(STAGED.c.camera, STAGED.c.at)
    ):
        staged.setdefault(camera, []).append(at)
    done = []
    for camera, times in staged.items():
        query = select(CLIPS.c.raised).where(
            CLIPS.c.camera == camera, CLIPS.c.kind == "alert", ~CLIPS.c.shadow
        )
        raised = sorted(connection.execute(query).scalars())
        delays, missed = [], []
        for number, at in enumerate(times):
            following = times[number + 1] if number + 1 < len(times) else float("inf")
            until = min(at + CATCH_S, following)
            alert = next((moment for moment in raised if at <= moment < until), None)
            if alert is None:
                missed.append(at)
            else:
                delays.append(alert - at)
        done.append(Acceptance(camera, Share(len(delays), len(times)), delays, missed))
    return done
