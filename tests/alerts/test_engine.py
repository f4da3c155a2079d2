"""The alert engine clip by clip: what holds for every rule."""

from itertools import pairwise
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from aislewatch.alerts.clips import ScoredClip
from aislewatch.alerts.engine import AlertChange, AlertEngine, raise_alerts
from aislewatch.alerts.rule import AlertRule, clips_to_alert
from tests.alerts.scored_clips import CLIP_S, STRIDE_S, fed, of_values, rule

rules = st.builds(
    rule,
    method=st.sampled_from(["consecutive", "majority", "median", "mean"]),
    threshold=st.floats(0.0, 1.0),
    consecutive=st.integers(1, 4),
    window=st.integers(1, 6),
    end_share=st.floats(0.1, 1.0),
    shortest_s=st.floats(0.0, 4.0),
    longest_s=st.floats(4.0, 12.0),
    merge_s=st.floats(0.0, 4.0),
    cooldown_s=st.floats(0.0, 6.0),
)


@st.composite
def footage(draw: st.DrawFn, all_seen: bool = False) -> list[ScoredClip]:
    """Clips of up to three people (or of the camera alone), some missing, with gaps of 10 s."""
    seen = [0.0, 0.3, 0.6, 0.9, 1.0] if all_seen else [0.0, 0.3, 0.6, 0.9, 1.0, None]
    tracks = draw(st.sampled_from([[-1], [0, 1, 2]]))
    clips, at_s = [], 0.0
    for _ in range(draw(st.integers(0, 25))):
        at_s += STRIDE_S + draw(st.sampled_from([0.0, 0.0, 0.0, 0.0, 10.0]))
        for track in tracks:
            # Mostly near both ends: uniform scores hardly ever stay above a threshold.
            score = draw(st.sampled_from(seen))
            if score is not None:
                clips.append(ScoredClip(at_s, at_s + CLIP_S, score, track))
    return clips


@given(footage(), rules)
def test_every_alert_is_raised_once_grows_and_ends_once(
    clips: list[ScoredClip], r: AlertRule
) -> None:
    """As a guard hears of it while it happens, and as a file's table has it afterwards."""
    engine = AlertEngine(r)
    heard: dict[tuple[int, float], list[AlertChange]] = {}
    for clip in clips:
        for change in engine.feed(clip):
            heard.setdefault((change.alert.track, change.alert.raised_s), []).append(change)
            if change.kind == "raised":
                assert change.alert.raised_s == change.alert.end_s == clip.end_s
    for change in engine.close():
        heard[change.alert.track, change.alert.raised_s].append(change)
    for changes in heard.values():
        kinds = [change.kind for change in changes]
        assert kinds == ["raised", *["extended"] * (len(kinds) - 2), "ended"]
        ends = [change.alert.end_s for change in changes]
        assert ends == sorted(ends)
    ended = [changes[-1].alert for changes in heard.values()]
    assert sorted(ended, key=lambda a: (a.start_s, a.track)) == raise_alerts(clips, r)


@given(footage(), rules)
def test_alerts_keep_their_bounds(clips: list[ScoredClip], r: AlertRule) -> None:
    found = raise_alerts(clips, r)
    for alert in found:
        assert r.shortest_s <= alert.end_s - alert.start_s <= r.longest_s
        assert alert.start_s < alert.raised_s <= alert.end_s
        inside = [c for c in clips if alert.start_s <= c.end_s and c.end_s <= alert.end_s]
        longest_hole_s = max((b.start_s - a.end_s for a, b in pairwise(inside)), default=0.0)
        assert longest_hole_s <= (0.0 if alert.track == -1 else CLIP_S + 1e-9)
    for track in {alert.track for alert in found}:
        for earlier, later in pairwise(alert for alert in found if alert.track == track):
            assert later.start_s > earlier.end_s + r.cooldown_s


@given(footage(all_seen=True), rules)
def test_each_person_is_smoothed_alone(clips: list[ScoredClip], r: AlertRule) -> None:
    together = raise_alerts(clips, r)
    alone = [
        alert
        for track in (-1, 0, 1, 2)
        for alert in raise_alerts([clip for clip in clips if clip.track == track], r)
    ]
    assert together == sorted(alone, key=lambda alert: (alert.start_s, alert.track))


@given(footage(), rules)
def test_what_a_closed_engine_says_begins_anew(clips: list[ScoredClip], r: AlertRule) -> None:
    engine = AlertEngine(r)
    once = fed(engine, clips) + engine.close()
    assert fed(engine, clips) + engine.close() == once


def holds(values: list[float], r: AlertRule) -> bool:
    """Say by the plain definition whether a rule is true at the last of a camera's clips."""
    newest = values[-r.window :]
    if values[-1] < r.threshold:
        return False
    match r.method:
        case "consecutive":
            row = values[-r.consecutive :]
            return len(row) == r.consecutive and min(row) >= r.threshold
        case "majority":
            return sum(value >= r.threshold for value in newest) >= r.votes
        case "median":
            middle = median([0.0] * (r.window - len(newest)) + newest)
            return len(newest) > r.window // 2 and middle >= r.threshold
    mean = 0.0
    for value in values:
        mean += 2.0 / (r.window + 1) * (value - mean)
    return mean >= r.threshold


scores_of_one = st.lists(st.sampled_from([0.0, 0.3, 0.6, 0.9, 1.0]), min_size=1, max_size=20)


@given(scores_of_one, rules, st.integers(1, 6))
def test_the_first_alert_is_raised_where_the_smoothing_says_so(
    values: list[float], r: AlertRule, votes: int
) -> None:
    r = r.model_copy(update={"shortest_s": 0.0, "longest_s": 1e9, "votes": min(votes, r.window)})
    true_at = [at for at in range(len(values)) if holds(values[: at + 1], r)]
    clips = of_values(values)
    raised_at = [alert.raised_s for alert in raise_alerts(clips, r)]
    assert raised_at[:1] == [clips[at].end_s for at in true_at[:1]]


@given(scores_of_one, rules)
def test_what_is_near_enough_is_one_alert_unless_it_would_be_too_long(
    values: list[float], r: AlertRule
) -> None:
    r = r.model_copy(update={"cooldown_s": 0.0, "shortest_s": 0.0})
    for earlier, later in pairwise(raise_alerts(of_values(values), r)):
        is_apart = later.start_s > earlier.end_s + r.merge_s
        assert is_apart or later.raised_s - earlier.start_s > r.longest_s


@given(scores_of_one, rules, st.floats(0.1, 1.0))
def test_a_lower_threshold_to_go_on_never_delays_or_shortens_the_first_alert(
    values: list[float], r: AlertRule, share: float
) -> None:
    r = r.model_copy(update={"shortest_s": 0.0, "longest_s": 1e9, "end_share": 1.0})
    strict = raise_alerts(of_values(values), r)[:1]
    lax = raise_alerts(of_values(values), r.model_copy(update={"end_share": share}))[:1]
    assert [one.raised_s for one in lax] == [one.raised_s for one in strict]
    assert all(a.end_s >= b.end_s for a, b in zip(lax, strict, strict=True))


@given(rules, st.integers(1, 60))
def test_no_fewer_clips_raise_an_alert_than_the_rule_needs(r: AlertRule, count: int) -> None:
    r = r.model_copy(update={"shortest_s": 0.0, "longest_s": 1e9})
    found = raise_alerts(of_values([1.0] * count), r)
    assert bool(found) == (count >= clips_to_alert(r))


@given(st.lists(st.sampled_from([0.1, 0.5, 0.7, 0.9]), max_size=25), st.integers(1, 4))
def test_the_median_of_an_odd_window_is_its_majority(values: list[float], half: int) -> None:
    window = 2 * half - 1
    median = raise_alerts(of_values(values), rule(method="median", window=window))
    assert median == raise_alerts(of_values(values), rule(method="majority", window=window))
