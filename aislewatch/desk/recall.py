"""Estimates what the live alerts miss, from clips without alert that people judged."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from aislewatch.desk.clips import with_verdicts
from aislewatch.desk.numbers import (
    CONFIDENCE,
    SampledDays,
    Share,
    alerts_an_hour,
    day_of,
    sampled_days,
)
from aislewatch.desk.schema import CLIPS
from aislewatch.desk.verdicts import NOT_THEFT, THEFT

# Of each of the two intervals that the recall's is made of: theirs together fail no oftener.
EACH = 1 - (1 - CONFIDENCE) / 2


@dataclass(frozen=True)
class Recall:
    """Holds the live recall: thefts that raised an alert, of all.

    The estimate is C / (C + M). C, the thefts caught, is the share of theft among the judged alerts
    times all alerts. M, those missed, is the share of theft among the audited stretches times all
    stretches without alert; each clip weighs as many stretches as it stands for on its camera and
    day, since of a day of one hour as many are drawn as of one of 24. Both shares have the interval
    of Clopper and Pearson at 97.5 %, that of the audit for as many clips as an unweighted sample
    would need (Kish's effective size); the recall's reaches from the fewest caught beside the most
    missed to the opposite, and so holds at 95 % whatever the two have to do with each other.

    Taken for granted is that alerts and audit clips that nobody judged, or of which people were
    unsure, are like the others. A missed theft that reaches over two stretches counts twice: the
    recall is rather too low.

    Args:
        audited: audit clips with a theft, of those judged.
        weighted: the same, as an unweighted sample would have them.
        windows: stretches without alert that the audit was drawn from.
        precision: thefts of the judged alerts on the same cameras and days.
        alerts: how many alerts these are.
        an_hour: alerts of a camera-hour.
        hours: of footage without alert.
    """

    audited: Share
    weighted: Share
    windows: int
    precision: Share
    alerts: int
    an_hour: float | None
    hours: float

    @property
    def value(self) -> float | None:
        """Return the estimate; None where nothing was audited, or there was no theft at all."""
        if self.weighted.value is None or self.precision.value is None:
            return None
        return _recall(self.precision.value * self.alerts, self.weighted.value * self.windows)

    @property
    def low(self) -> float:
        """Return the lower bound: the fewest caught beside the most missed."""
        return _recall(self.precision.low * self.alerts, self.weighted.high * self.windows) or 0.0

    @property
    def high(self) -> float:
        """Return the upper bound: the most caught beside the fewest missed."""
        bound = _recall(self.precision.high * self.alerts, self.weighted.low * self.windows)
        return 1.0 if bound is None else bound


def _recall(caught: float, missed: float) -> float | None:
    return caught / (caught + missed) if caught + missed > 0 else None


def live_recall(connection: Connection) -> Recall:
    """Estimate recall and precision over all cameras and days of which an audit was drawn."""
    days = sampled_days(connection)
    asked = with_verdicts().where(CLIPS.c.kind.in_(("alert", "audit")), ~CLIPS.c.shadow)
    rows = [dict(row) for row in connection.execute(asked).mappings()]
    return estimate([row for row in rows if day_of(row) in days], days)


def estimate(rows: Sequence[Mapping[str, Any]], days: SampledDays) -> Recall:
    """Estimate the recall of some camera-days.

    Args:
        rows: alerts and audit clips of these days, with ``kind``, ``camera``, ``begin``, ``end``
            and ``verdict``.
        days: with ``windows`` and ``seconds`` of each.
    """
    alerts = [row for row in rows if row["kind"] == "alert"]
    audits = [row for row in rows if row["kind"] == "audit" and _says(row)]
    shown = [row for row in alerts if _says(row)]
    drawn = Counter(day_of(row) for row in audits)
    weights = [days[day_of(row)].windows / drawn[day_of(row)] for row in audits]
    hits = [weight for weight, row in zip(weights, audits, strict=True) if _is_theft(row)]
    total = sum(weights)
    size = total**2 / sum(weight**2 for weight in weights) if weights else 0.0
    return Recall(
        audited=Share(len(hits), len(audits), EACH),
        weighted=Share(size * sum(hits) / total if hits else 0.0, size, EACH),
        windows=sum(day.windows for day in days.values()),
        precision=Share(sum(map(_is_theft, shown)), len(shown), EACH),
        alerts=len(alerts),
        an_hour=alerts_an_hour(alerts, days),
        hours=sum(day.seconds for day in days.values()) / 3600,
    )


def _says(row: Mapping[str, Any]) -> bool:
    return row["verdict"] in (THEFT, NOT_THEFT)


def _is_theft(row: Mapping[str, Any]) -> bool:
    return bool(row["verdict"] == THEFT)
