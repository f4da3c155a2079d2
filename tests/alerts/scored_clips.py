"""Scored clips for the alert engine, and the rule of before its options."""

from typing import Any

from aislewatch.alerts.clips import ScoredClip
from aislewatch.alerts.engine import AlertChange, AlertEngine, raise_alerts
from aislewatch.alerts.rule import AlertRule, frozen_rule

CLIP_S, STRIDE_S = 1.6, 0.8
# The rule before its options: two clips in a row at 0.8.
PLAIN: dict[str, Any] = {
    "method": "consecutive",
    "false_alarm_budget": 0.042,
    "threshold": 0.8,
    "consecutive": 2,
    "window": 5,
}


def rule(**said: Any) -> AlertRule:
    return frozen_rule(PLAIN | said)


def fed(engine: AlertEngine, clips: list[ScoredClip]) -> list[AlertChange]:
    return [change for clip in clips for change in engine.feed(clip)]


def of_values(values: list[float], track: int = -1, from_s: float = 0.0) -> list[ScoredClip]:
    return [
        ScoredClip(from_s + i * STRIDE_S, from_s + i * STRIDE_S + CLIP_S, value, track)
        for i, value in enumerate(values)
    ]


def spans(values: list[float], **said: Any) -> list[tuple[float, float]]:
    found = raise_alerts(of_values(values), rule(**said))
    return [(round(alert.start_s, 3), round(alert.end_s, 3)) for alert in found]
