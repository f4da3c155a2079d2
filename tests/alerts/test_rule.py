"""Smoothing of scores into alerts: the rule's words, as properties and as worked examples."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.alerts.clips import Alert, ScoredClip
from aislewatch.alerts.engine import raise_alerts
from aislewatch.alerts.rule import AlertRule, can_see, clips_to_alert, frozen_rule
from aislewatch.config.judging import Method
from aislewatch.config.params import load_params
from aislewatch.frames.stretches import FrameTimes, Stretch
from aislewatch.score.clips import successive_starts
from aislewatch.score.timed import timed_clips

FPS, N_FRAMES = 10, 16

scores = st.lists(st.floats(0.0, 1.0), max_size=30)


def rule(
    method: Method, threshold: float, consecutive: int, window: int, **others: float
) -> AlertRule:
    """A rule of these; of an earlier release's, where ``others`` says nothing else."""
    stored = {
        "method": method,
        "false_alarm_budget": 0.042,
        "threshold": threshold,
        "consecutive": consecutive,
        "window": window,
    }
    return frozen_rule(stored | others)


rules = st.builds(
    rule,
    st.sampled_from(["consecutive", "majority"]),
    st.floats(0.0, 1.0),
    st.integers(1, 6),
    st.integers(1, 6),
)


def clips_of(values: list[float]) -> tuple[ScoredClip, ...]:
    """Clips of 1.6 s, 0.8 s apart."""
    times = FrameTimes(FPS, (Stretch(0, 8 * len(values) + N_FRAMES, 0),))
    return timed_clips([8 * i for i in range(len(values))], values, N_FRAMES, 1, times)


def covered(alerts: list[Alert], at_s: float) -> bool:
    return any(alert.start_s <= at_s <= alert.end_s for alert in alerts)


def test_consecutive_needs_every_clip_of_a_run() -> None:
    found = raise_alerts(clips_of([0.9, 0.7, 0.8, 0.95, 0.9, 0.1]), rule("consecutive", 0.8, 3, 1))
    assert found == [Alert(1.6, 4.8, 4.8, peak_score=0.95, peak_s=3.2, track=-1)]


def test_two_clips_in_a_row_are_not_three() -> None:
    values = [0.9, 0.9, 0.1, 0.9, 0.9]
    assert raise_alerts(clips_of(values), rule("consecutive", 0.8, 3, 5)) == []
    assert raise_alerts(clips_of(values), rule("majority", 0.8, 3, 5)) == [
        Alert(0.0, 4.0, 4.8, 0.9, 0.8, -1)
    ]


def test_majority_is_more_than_half() -> None:
    half = clips_of([0.9, 0.9, 0.1, 0.1])
    assert raise_alerts(half, rule("majority", 0.8, 1, 4)) == []
    assert raise_alerts(half, rule("majority", 0.8, 1, 3)) == [Alert(0.0, 2.4, 2.4, 0.9, 0.8, -1)]


def test_far_apart_runs_stay_two_alerts() -> None:
    found = raise_alerts(
        clips_of([0.9, 0.9, *[0.1] * 5, 0.85, 0.85]), rule("consecutive", 0.8, 2, 1)
    )
    assert [alert.peak_score for alert in found] == [0.9, 0.85]


def test_clips_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="in order of time"):
        raise_alerts(clips_of([0.9, 0.9])[::-1], rule("consecutive", 0.8, 1, 1))


@given(scores, rules)
def test_alerts_are_apart_in_order_and_inside_the_footage(
    values: list[float], r: AlertRule
) -> None:
    clips = clips_of(values)
    found = raise_alerts(clips, r)
    for earlier, later in pairwise(found):
        assert earlier.end_s < later.start_s
    for alert in found:
        assert clips[0].start_s <= alert.start_s < alert.end_s <= clips[-1].end_s
        inside = [c.score for c in clips if alert.start_s <= c.start_s and c.end_s <= alert.end_s]
        assert r.threshold <= alert.peak_score == max(inside)


@given(scores, rules)
def test_an_alert_needs_its_number_of_clips(values: list[float], r: AlertRule) -> None:
    above = [value >= r.threshold for value in values]
    if sum(above) < clips_to_alert(r):
        assert raise_alerts(clips_of(values), r) == []
    runs = "".join("x" if yes else " " for yes in above).split()
    if r.method == "consecutive":
        longest = max((len(run) for run in runs), default=0)
        assert bool(raise_alerts(clips_of(values), r)) == (longest >= r.consecutive)


@given(scores, rules, st.floats(0.0, 1.0))
def test_a_higher_threshold_never_alerts_longer(
    values: list[float], r: AlertRule, other: float
) -> None:
    low, high = sorted([r.threshold, other])
    clips = clips_of(values)
    loose = raise_alerts(clips, r.model_copy(update={"threshold": low}))
    strict = raise_alerts(clips, r.model_copy(update={"threshold": high}))
    assert all(covered(loose, a.start_s) and covered(loose, a.end_s) for a in strict)
    assert all(any(b.start_s <= a.start_s and a.end_s <= b.end_s for b in loose) for a in strict)


@given(scores, st.floats(0.0, 1.0))
def test_one_clip_rules_agree(values: list[float], threshold: float) -> None:
    clips = clips_of(values)
    consecutive = raise_alerts(clips, rule("consecutive", threshold, 1, 1))
    assert consecutive == raise_alerts(clips, rule("majority", threshold, 1, 1))


@given(st.integers(0, 400), st.integers(2, 32), st.integers(1, 3))
def test_successive_clips_lie_in_the_video_and_overlap(total: int, n: int, step: int) -> None:
    starts = successive_starts(FrameTimes(FPS, (Stretch(0, total, 0),)), n, step)
    span = (n - 1) * step + 1
    assert bool(starts) == (total >= span)
    assert all(start + span <= total for start in starts)
    if starts:
        *before, last = starts
        assert before == list(range(0, last, n * step // 2))
        assert last + span == total


def test_the_last_clip_of_every_stretch_ends_with_it() -> None:
    """5.9 s, a gap, 1.6 s, a gap, 1.5 s: no clip fits into the last; none comes twice."""
    times = FrameTimes(FPS, (Stretch(0, 59, 0), Stretch(59, 75, 100), Stretch(75, 90, 200)))
    assert successive_starts(times, N_FRAMES, 1) == [0, 8, 16, 24, 32, 40, 43, 59]


@given(rules, st.floats(0.1, 20.0), st.integers(1, 40), st.floats(0.0, 1.0))
def test_an_event_that_the_rule_can_see_raises_it_in_time(
    r: AlertRule, event_s: float, stride: int, phase: float
) -> None:
    """Wherever it lies, when every clip is high that holds half of it or is half filled by it."""
    clip_s, grace_s = 2.0 * stride / FPS, 5.0
    start_s = 30.0 + phase * clip_s
    end_s = start_s + event_s
    clips = [
        ScoredClip(at, at + clip_s, 1.0 if shared >= min(clip_s, event_s) / 2 else 0.0)
        for number in range(int(2 * 80 / clip_s) + 1)
        for at in [number * clip_s / 2]
        for shared in [min(at + clip_s, end_s) - max(at, start_s) + 1e-9]
    ]
    found = raise_alerts(clips, r.model_copy(update={"threshold": 0.5}))
    in_time = [alert for alert in found if alert.raised_s <= end_s + grace_s + 1e-9]
    assert in_time or not can_see(r, event_s, clip_s, grace_s)


def test_a_rule_of_many_clips_cannot_see_a_short_event() -> None:
    assert can_see(rule("consecutive", 0.8, 2, 5), 1.5, 1.6, 5.0)
    assert not can_see(rule("consecutive", 0.8, 5, 5), 2.0, 1.6, 5.0)
    assert can_see(rule("consecutive", 0.8, 5, 5), 4.0, 1.6, 5.0)
    assert not can_see(rule("majority", 0.8, 1, 9), 2.0, 1.6, 5.0)
    # Clips of 16 s: the second to hold it ends long after the grace.
    assert not can_see(rule("consecutive", 0.8, 2, 5), 2.0, 16.0, 5.0)


HOLE = FrameTimes(FPS, (Stretch(0, 100, 0), Stretch(100, 200, 6100)))


@pytest.mark.parametrize("method", ["consecutive", "majority"])
def test_no_clip_and_no_alert_reaches_over_a_gap(method: str) -> None:
    """10 s, nothing for 10 minutes, 10 s: a clip before the gap and the one behind it are high."""
    starts = successive_starts(HOLE, N_FRAMES, 1)
    assert [start for start in starts if 84 < start < 108] == [100]
    high = [80, 100]
    values = [0.9 if start in high else 0.1 for start in starts]
    clips = timed_clips(starts, values, N_FRAMES, 1, HOLE)
    assert [(clip.start_s, clip.end_s) for clip in clips if clip.score > 0.5] == [
        *((8.0, 9.6), (610.0, 611.6)),
    ]
    assert raise_alerts(clips, rule(method, 0.5, 2, 3)) == []
    assert len(raise_alerts(clips, rule(method, 0.5, 1, 1))) == 2


def test_shipped_rule_is_the_papers(pytestconfig: pytest.Config) -> None:
    shipped = load_params(Path(pytestconfig.rootpath) / "params.yaml").alerts
    assert shipped.fallback_threshold == 0.8
    assert shipped.method == "consecutive"
