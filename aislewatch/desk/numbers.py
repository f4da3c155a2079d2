"""Computes the numbers that matter: precision by camera, response time, staged thefts caught."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import beta
from sqlalchemy import Connection, func, select

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
    """Holds ``hits`` of ``tries`` with the exact interval of Clopper and Pearson, 0 to 1."""

    hits: int
    tries: int
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
    """Holds one camera's alerts of one kind: the champion's, or the shadow challenger's."""

    camera: str
    model: str
    shadow: bool
    alerts: int
    judged: int
    precision: Share
    response_s: float | None


def by_camera(connection: Connection) -> list[CameraNumbers]:
    """Compute the numbers of every camera and model; ``response_s`` is the median first answer."""
    rows = [
        dict(row)
        for row in connection.execute(
            with_verdicts().where(CLIPS.c.kind == "alert").order_by(CLIPS.c.camera)
        ).mappings()
    ]
    first = select(VERDICTS.c.clip, func.min(VERDICTS.c.at)).group_by(VERDICTS.c.clip)
    answered: dict[str, float] = {clip: at for clip, at in connection.execute(first)}
    keys = sorted({(row["camera"], row["shadow"], row["model"]) for row in rows})
    return [
        _numbers(
            [row for row in rows if (row["camera"], row["shadow"], row["model"]) == key], answered
        )
        for key in keys
    ]


def _numbers(rows: Sequence[dict[str, Any]], answered: dict[str, float]) -> CameraNumbers:
    said = [row["verdict"] for row in rows]
    thefts = said.count(THEFT)
    waits = [answered[row["id"]] - row["raised"] for row in rows if row["id"] in answered]
    return CameraNumbers(
        camera=rows[0]["camera"],
        model=rows[0]["model"],
        shadow=rows[0]["shadow"],
        alerts=len(rows),
        judged=sum(word is not None for word in said),
        precision=Share(thefts, thefts + said.count(NOT_THEFT)),
        response_s=statistics.median(waits) if waits else None,
    )


@dataclass(frozen=True)
class Recall:
    """Holds the live recall: thefts that raised an alert, of all, estimated by the audit sample.

    Args:
        audited: audit clips with a theft, of those judged.
        windows: stretches without alert that the audit was drawn from.
        precision: of the alerts on the same cameras and days.
        alerts: how many these are.
        hours: of footage that the audit was drawn from.
    """

    audited: Share
    windows: int
    precision: Share
    alerts: int
    hours: float

    @property
    def value(self) -> float | None:
        """Return the estimate; None where nothing was audited, or there was no theft at all."""
        if self.audited.value is None or self.precision.value is None:
            return None
        return _recall(self.precision.value * self.alerts, self.audited.value * self.windows)

    @property
    def low(self) -> float:
        """Return the lower bound: the fewest caught beside the most missed."""
        return _recall(self.precision.low * self.alerts, self.audited.high * self.windows) or 0.0

    @property
    def high(self) -> float:
        """Return the upper bound: the most caught beside the fewest missed."""
        bound = _recall(self.precision.high * self.alerts, self.audited.low * self.windows)
        return 1.0 if bound is None else bound

    @property
    def alerts_an_hour(self) -> float | None:
        """Return the alerts of a camera-hour."""
        return self.alerts / self.hours if self.hours else None


def _recall(caught: float, missed: float) -> float | None:
    return caught / (caught + missed) if caught + missed > 0 else None


# Of both intervals that the recall's is made of: it misses at most as often as both together.
_EACH = 1 - (1 - CONFIDENCE) / 2


def live_recall(connection: Connection) -> Recall:
    """Estimate recall and precision over all cameras and days of which an audit was drawn."""
    days = {(row.camera, row.day): row for row in connection.execute(select(SAMPLED))}

    asked = with_verdicts().where(CLIPS.c.kind.in_(("alert", "audit")), ~CLIPS.c.shadow)
    rows = [
        dict(row)
        for row in connection.execute(asked).mappings()
        if (row["camera"], row["begin"] // DAY_S * DAY_S) in days
    ]
    said = {
        kind: [row["verdict"] for row in rows if row["kind"] == kind] for kind in ("alert", "audit")
    }
    shares = {
        kind: Share(words.count(THEFT), words.count(THEFT) + words.count(NOT_THEFT), _EACH)
        for kind, words in said.items()
    }
    return Recall(
        audited=shares["audit"],
        windows=sum(row.windows for row in days.values()),
        precision=shares["alert"],
        alerts=len(said["alert"]),
        hours=sum(row.seconds for row in days.values()) / 3600,
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
