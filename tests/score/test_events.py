"""Alerts against annotated events: matching, counts, rates and intervals."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.alerts.clips import ScoredClip
from aislewatch.evaluate.alarms import alert_figures, poisson_interval, resampled_events
from aislewatch.evaluate.intervals import interval
from aislewatch.evaluate.operating import choose_threshold
from aislewatch.frames.spans import Span, join
from aislewatch.score.events import VideoScores, events_of, judge_alerts, match
from tests.simulated_scores import ASKED, RULE, SETTINGS

HOUR = 3600.0


def clips(*values: float) -> tuple[ScoredClip, ...]:
    """Clips of 2 s, a second apart."""
    return tuple(ScoredClip(float(i), i + 2.0, s) for i, s in enumerate(values))


def test_poisson_interval_is_exact() -> None:
    assert poisson_interval(0, 0.95) == (0.0, pytest.approx(3.689, abs=1e-3))
    # Garwood's table: 10 events, 95 %.
    assert poisson_interval(10, 0.95) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_alert_figures_by_hand() -> None:
    videos = [
        # Found once (0-4 s), and one false alarm long after the event.
        VideoScores("a", 1800.0, ((1.0, 3.0),), clips(*[0.9] * 3, *[0.0] * 9, *[0.9] * 3)),
        VideoScores("b", 10.0, ((0.0, 10.0),), clips(0.9, 0.9, 0.1, 0.9)),
        VideoScores("c", 1812.0, (), clips(*[0.9] * 4)),
        VideoScores("d", 2.0, (), clips(0.9)),
    ]
    found = alert_figures(videos, RULE, SETTINGS)
    assert (found.shoplifting_alerted, found.shoplifting_videos) == (1, 2)
    assert (found.normal_alerted, found.normal_videos) == (1, 2)
    assert (found.events_found, found.events) == (1, 2)
    assert (found.alerts, found.false_alarms, found.repeats) == (3, 2, 0)
    assert found.recall.value == 1 / 2
    assert found.precision.value == 1 / 3
    assert found.f1.value == pytest.approx(2 / 5)
    assert found.normal_hours == pytest.approx((1798 + 0 + 1812 + 2) / 3600)
    assert found.false_alarms_per_hour == pytest.approx(2 / found.normal_hours)
    # Three clips of 2 s, a second apart, end at 4 s; the event began at 1 s.
    assert found.delay_p50_s == found.delay_p95_s == pytest.approx(3.0)
    assert found.too_short == 1
    assert found.too_brief == 1  # of 2 s; three clips of 2 s, half filled, need 3 s


def test_one_alert_finds_one_event_and_one_event_needs_one_alert() -> None:
    """An alert over two events finds one; the second alert on an event is a repeat."""
    two_events = VideoScores("a", 20.0, ((0.0, 2.0), (3.0, 6.0)), clips(*[0.9] * 6))
    two_alerts = VideoScores("b", 20.0, ((0.0, 15.0),), clips(*[0.9] * 3, 0, 0, 0, 0, *[0.9] * 3))
    one, other = judge_alerts([two_events, two_alerts], RULE, SETTINGS)
    assert (one.events, one.found, one.alerts, one.repeats, one.false_alarms) == (2, 1, 1, 0, 0)
    assert (other.events, other.found, other.alerts, other.repeats) == (1, 1, 2, 1)


def test_an_alert_in_an_unlabeled_part_is_neither_right_nor_wrong() -> None:
    scores = clips(*[0.9] * 4, 0, 0, 0, 0, *[0.9] * 4)
    known = VideoScores("a", 20.0, ((9.0, 10.0),), scores)
    [outcome] = judge_alerts([known], RULE, SETTINGS)
    assert (outcome.alerts, outcome.false_alarms, outcome.normal_s) == (2, 1, 19.0)
    unknown = VideoScores("a", 20.0, ((9.0, 10.0),), scores, unlabeled=((2.0, 3.0), (9.5, 12.0)))
    [outcome] = judge_alerts([unknown], RULE, SETTINGS)
    assert (outcome.alerts, outcome.found, outcome.false_alarms) == (1, 1, 0)
    assert outcome.normal_s == 2.0 + 6.0 + 8.0


def test_an_alarm_that_never_stops_is_many_and_finds_what_it_was_raised_in() -> None:
    """Four hours of one alert over twenty events: none was found by an alert raised in it."""
    hours = tuple(ScoredClip(float(i), i + 2.0, 0.9) for i in range(4 * 3600))
    events = tuple((600.0 * e + 300.0, 600.0 * e + 310.0) for e in range(20))
    [outcome] = judge_alerts([VideoScores("a", 4 * HOUR, events, hours)], RULE, SETTINGS)
    assert (outcome.alerts, outcome.found) == (1, 0)
    graced_s = 20 * (10.0 + 2 * SETTINGS.grace_s)
    assert outcome.false_alarms == math.ceil((4 * HOUR + 1 - graced_s) / SETTINGS.alarm_s)
    assert outcome.alerted_s / outcome.normal_s == pytest.approx(1.0, abs=1e-3)
    rare = SETTINGS.model_copy(update={"alarm_s": 1e9})
    assert (
        judge_alerts([VideoScores("a", 4 * HOUR, events, hours)], RULE, rare)[0].false_alarms == 1
    )


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 8)), max_size=3),
)
def test_louder_never_counts_fewer_false_alarms_than_its_time_on_normal_footage(
    scores: list[float], events: list[tuple[int, int]]
) -> None:
    spans = tuple((s.start_s, s.end_s) for s in join(Span(a, a + b) for a, b in events))
    video = VideoScores("a", 62.0, spans, clips(*scores))
    [outcome] = judge_alerts([video], RULE, SETTINGS)
    assert 0 <= outcome.found <= min(outcome.events, outcome.alerts)
    assert 0.0 <= outcome.alerted_s <= outcome.normal_s + 1.0
    assert all(delay >= 0.0 for delay in outcome.delays_s)
    found_and_false = outcome.found + outcome.repeats + outcome.false_alarms
    assert found_and_false >= outcome.alerts


def noise(rng: np.random.Generator, name: str) -> VideoScores:
    """Four hours of scores that say nothing, with an event every half hour."""
    scored = tuple(
        ScoredClip(8.0 * i, 8.0 * i + 16.0, s) for i, s in enumerate(rng.uniform(size=4 * 450))
    )
    events = tuple((1800.0 * e + 600.0, 1800.0 * e + 610.0) for e in range(8))
    return VideoScores(name, 4 * HOUR, events, scored)


def test_a_clip_at_the_threshold_itself_is_judged() -> None:
    """Where no clip reaches it, the rule is not even asked."""
    for score, alerts in ((RULE.threshold, 1), (RULE.threshold - 1e-9, 0)):
        [outcome] = judge_alerts([VideoScores("a", 9.0, (), clips(*[score] * 4))], RULE, SETTINGS)
        assert outcome.false_alarms == alerts


@pytest.mark.simulation
def test_noise_has_no_threshold_with_recall_within_a_budget() -> None:
    """Half an alarm an hour: merged into one, any number of them went through (issue 12)."""
    rng = np.random.default_rng(3)
    asked = ASKED.model_copy(update={"false_alarm_budget": 0.5})
    settings = SETTINGS.model_copy(update={"max_alert_share": 0.05})
    point = choose_threshold([noise(rng, f"v{i}") for i in range(4)], asked, settings)
    assert not point.within_budget or point.recall < 0.1
    constant = [
        VideoScores(v.video, v.duration_s, v.events, tuple(replace(c, score=0.9) for c in v.clips))
        for v in (noise(rng, "a"), noise(rng, "b"))
    ]
    silent = choose_threshold(constant, asked, settings)
    assert silent.rule.threshold > 0.9
    assert silent.recall == 0.0


def test_a_fallback_that_never_stops_is_raised_and_says_so() -> None:
    settings = SETTINGS.model_copy(update={"max_alert_share": 0.05})
    loud = VideoScores("a", 60.0, ((10.0, 12.0),), clips(*[0.93] * 58))
    point = choose_threshold([loud], ASKED, settings)
    assert point.rule.threshold == 0.94
    assert "raised from 0.8 to 0.94" in point.reason


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=5), st.integers(0, 3))
def test_matching_is_one_to_one_and_as_large_as_can_be(rows: list[list[bool]], events: int) -> None:
    overlaps = np.array(rows, bool).reshape(len(rows), 3)[:, :events]
    alert_of = match(overlaps)
    used = [alert for alert in alert_of if alert >= 0]
    assert len(set(used)) == len(used)
    assert all(overlaps[alert, event] for event, alert in enumerate(alert_of) if alert >= 0)

    def best(event: int, free: frozenset[int]) -> int:
        if event == events:
            return 0
        options = [best(event + 1, free)]
        options += [1 + best(event + 1, free - {a}) for a in free if overlaps[a, event]]
        return max(options)

    assert len(used) == best(0, frozenset(range(len(rows))))


@pytest.mark.simulation
def test_intervals_of_event_recall_hold_the_truth_as_often_as_they_claim() -> None:
    """A video's events share its luck: found with a chance of its own, 0.7 on average."""
    rng = np.random.default_rng(11)
    held, trials = 0, 400
    for _ in range(trials):
        videos = []
        for number in range(60):
            chance = rng.beta(2.1, 0.9)
            events = tuple((10.0 * e, 10.0 * e + 4.0) for e in range(3))
            found = rng.random(3) < chance
            scores = [0.9 if t % 10 < 4 and t < 30 and found[t // 10] else 0.1 for t in range(30)]
            videos.append(VideoScores(f"v{number:03d}", 40.0, events, clips(*scores)))
        outcomes = judge_alerts(videos, RULE, SETTINGS)
        recall = interval(resampled_events(outcomes, SETTINGS)["recall"], 0.95)
        held += recall.low <= 0.7 <= recall.high
    assert 0.92 <= held / trials <= 0.97


def quiet(score: float, hours: float, name: str) -> VideoScores:
    return VideoScores(name, hours * HOUR, (), clips(*[score] * 4))


def theft(score: float, name: str) -> VideoScores:
    return VideoScores(name, 10.0, ((0.0, 10.0),), clips(*[score] * 4))


def test_the_threshold_stays_within_a_budget_that_the_footage_can_prove() -> None:
    """100 clean hours prove 0.03 an hour; one alarm in them allows 0.047, over the budget."""
    videos = [quiet(0.3, 50.0, "a"), quiet(0.55, 50.0, "b"), theft(0.5, "c"), theft(0.7, "d")]
    point = choose_threshold(videos, ASKED, SETTINGS)
    assert point.within_budget
    assert point.rule.threshold == 0.7  # the highest of those that find one theft and no more
    assert point.recall == 1 / 2
    assert point.alarms_bound == pytest.approx(3.0 / 100, rel=0.01)
    louder = choose_threshold([*videos, quiet(0.1, 50.0, "e")], ASKED, SETTINGS)
    assert louder.rule.threshold == 0.5  # 150 hours can bear the one alarm
    assert louder.recall == 1.0


def test_a_budget_may_need_a_threshold_beyond_the_last_hundredth() -> None:
    """Of thousands of normal clips some reach 0.99; hundredths found no threshold within budget."""
    videos = [quiet(0.9972, 100.0, "a"), theft(0.9985, "b"), theft(0.99996, "c")]
    point = choose_threshold(videos, ASKED, SETTINGS)
    assert point.within_budget
    assert point.rule.threshold == 0.998
    assert point.recall == 1.0


def test_too_little_footage_proves_no_budget_and_says_how_much_would() -> None:
    point = choose_threshold([quiet(0.1, 0.05, "a"), theft(0.9, "b")], ASKED, SETTINGS)
    assert not point.within_budget
    assert point.rule.threshold == RULE.threshold
    assert "71.3 clean hours are needed" in point.reason
    nothing = choose_threshold([], ASKED, SETTINGS)
    assert math.isnan(nothing.recall)
    assert nothing.as_json()["alarms_bound"] is None


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
    assert events_of(annotations, "a", "normal") == ((0.0, 9.0),)
