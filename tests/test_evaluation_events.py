"""Alerts against annotated events: counts and rates, by hand."""

import pandas as pd
import pytest

from aislewatch.alerts import ScoredClip
from aislewatch.evaluation.events import (
    VideoScores,
    alert_figures,
    events_of,
    poisson_interval,
)
from tests.simulated_scores import RULE


def test_poisson_interval_is_exact() -> None:
    assert poisson_interval(0, 0.95) == (0.0, pytest.approx(3.689, abs=1e-3))
    # Garwood's table: 10 events, 95 %.
    assert poisson_interval(10, 0.95) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_alert_figures_by_hand() -> None:
    def clips(*values: float) -> tuple[ScoredClip, ...]:
        return tuple(ScoredClip(float(i), i + 2.0, s) for i, s in enumerate(values))

    videos = [
        # Found once (0-4 s), and one false alarm long after the event.
        VideoScores("a", 1800.0, ((1.0, 3.0),), clips(*[0.9] * 3, *[0.0] * 9, *[0.9] * 3)),
        VideoScores("b", 10.0, ((0.0, 10.0),), clips(0.9, 0.9, 0.1, 0.9)),
        VideoScores("c", 1812.0, (), clips(*[0.9] * 4)),
        VideoScores("d", 2.0, (), clips(0.9)),
    ]
    found = alert_figures(videos, RULE, 0.95)
    assert (found.shoplifting_alerted, found.shoplifting_videos) == (1, 2)
    assert (found.normal_alerted, found.normal_videos) == (1, 2)
    assert (found.events_found, found.events) == (1, 2)
    assert found.false_alarms == 2
    assert found.normal_hours == pytest.approx((1798 + 0 + 1812 + 2) / 3600)
    assert found.false_alarms_per_hour == pytest.approx(2 / found.normal_hours)
    assert found.too_short == 1


def test_overlapping_events_count_their_time_once() -> None:
    annotations = pd.DataFrame(
        {
            "video": ["a", "a", "a", "b"],
            "label": ["shoplifting", "shoplifting", "normal", "shoplifting"],
            "start_s": [4.0, 1.0, 0.0, 0.0],
            "end_s": [6.0, 5.0, 9.0, 1.0],
        }
    )
    assert events_of(annotations, "a") == ((1.0, 6.0),)
    assert events_of(annotations, "c") == ()
