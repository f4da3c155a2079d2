"""The alert engine clip by clip: worked examples."""

from typing import Any

import pytest

from aislewatch.alerts.clips import Alert, ScoredClip
from aislewatch.alerts.engine import AlertEngine, raise_alerts
from tests.alerts.scored_clips import fed, of_values, rule, spans


def test_an_alert_goes_on_above_the_lower_threshold_and_is_not_raised_by_it() -> None:
    values = [0.9, 0.9, 0.7, 0.7, 0.7, 0.1, 0.1, 0.7, 0.7, 0.7]
    assert spans(values) == [(0.0, 2.4)]
    assert spans(values, end_share=0.8) == [(0.0, 4.8)]


def test_k_of_n_needs_k() -> None:
    values = [0.9, 0.1, 0.9, 0.1, 0.1, 0.1]
    assert spans(values, method="majority", window=4, votes=2) == [(0.0, 3.2)]
    assert spans(values, method="majority", window=4, votes=3) == []
    assert spans(values, method="majority", window=2, votes=2) == []


def test_the_mean_waits_for_evidence_and_forgets_it() -> None:
    """Window 3 halves the distance each clip: .5, .75, .875, then .4375."""
    assert spans([1.0, 1.0, 1.0, 0.0], method="mean", window=3) == [(0.0, 3.2)]
    assert spans([1.0, 1.0, 0.0, 1.0, 0.0], method="mean", window=3) == []


def test_a_short_alert_is_none_and_a_longer_one_is_raised_when_it_is_long_enough() -> None:
    assert spans([0.9, 0.9, 0.1, 0.1], shortest_s=3.0) == []
    [alert] = raise_alerts(of_values([0.9] * 5), rule(shortest_s=3.0))
    assert (alert.start_s, alert.raised_s, alert.end_s) == pytest.approx((0.0, 3.2, 4.8))


def test_near_alerts_are_one_and_the_cooldown_swallows_the_next() -> None:
    values = [0.9, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9]
    assert spans(values) == [(0.0, 2.4), (4.0, 6.4)]
    assert spans(values, merge_s=2.0) == [(0.0, 6.4)]
    assert spans(values, cooldown_s=1.0) == [(0.0, 2.4), (4.0, 6.4)]
    assert spans(values, cooldown_s=2.0) == [(0.0, 2.4)]


def test_what_goes_on_after_the_longest_alert_is_another() -> None:
    assert spans([0.9] * 10, longest_s=4.0) == [(0.0, 4.0), (4.8, 8.8)]
    assert spans([0.9] * 10, longest_s=4.0, cooldown_s=2.0) == [(0.0, 4.0), (6.4, 8.8)]


def test_two_people_never_raise_one_alert_together() -> None:
    """Their scores take turns; one of them twice in a row is that one's alert, with the box."""
    turns = [
        ScoredClip(c.start_s, c.end_s, 0.9, track)
        for c, track in zip(of_values([0.9] * 4), [3, 7, 4, 4], strict=True)
    ]
    engine = AlertEngine(rule())
    box = (0.1, 0.2, 0.3, 0.4)
    changes = [change for clip in turns for change in engine.feed(clip, box)] + engine.close()
    assert [change.kind for change in changes] == ["raised", "ended"]
    raised = changes[-1].alert
    assert raised == Alert(turns[2].start_s, 4.0, 4.0, 0.9, raised.peak_s, 4, box)


def test_who_is_hidden_for_a_clip_is_the_same_person_and_a_gap_is_a_gap() -> None:
    """Only the highest score of each clip is known: two take turns, 1.7 s long and half apart."""
    turns = [ScoredClip(0.9 * i, 0.9 * i + 1.7, 0.9, i % 2) for i in range(4)]
    assert [alert.track for alert in raise_alerts(turns, rule())] == [0, 1]
    holes = [ScoredClip(4.0 * i, 4.0 * i + 1.7, 0.9, 0) for i in range(4)]
    assert raise_alerts(holes, rule()) == []
    cut = [ScoredClip(0.0, 1.7, 0.9, 0), ScoredClip(1.8, 3.5, 0.9, 0)]
    assert raise_alerts(cut, rule()) == []
    with_others = [cut[0], ScoredClip(0.9, 2.6, 0.1), cut[1]]
    assert [alert.track for alert in raise_alerts(with_others, rule())] == [0]


def test_who_has_left_is_ended_by_the_next_clip_of_another_and_forgotten() -> None:
    engine = AlertEngine(rule())
    fed(engine, of_values([0.9, 0.9], track=5))
    [ended] = engine.feed(ScoredClip(60.0, 61.6, 0.0))
    assert (ended.kind, ended.alert.track) == ("ended", 5)
    assert engine.close() == []


def test_a_clip_of_before_is_refused() -> None:
    engine = AlertEngine(rule())
    engine.feed(ScoredClip(5.0, 6.6, 0.9, 1))
    engine.feed(ScoredClip(5.0, 6.6, 0.9, 2))
    for clip in (ScoredClip(5.0, 6.6, 0.9, 2), ScoredClip(4.0, 5.6, 0.9, 3)):
        with pytest.raises(ValueError, match="in order of time"):
            engine.feed(clip)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"method": "majority", "votes": 6}, "votes is 6, but only 5 clips vote"),
        ({"shortest_s": 9.0, "longest_s": 4.0}, "shortest_s is 9, above longest_s, 4"),
        ({"cool": 1.0}, "cool"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(said: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rule(**said)
