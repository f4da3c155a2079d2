"""Decides between challenger and champion: both scored today, on the same test videos.

Events decide where the test split has enough footage to speak of them, else ROC-AUC by video; in
both cases the challenger must be shown to be no worse beyond a margin, and better in something.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aislewatch.alerts.rule import AlertRule
from aislewatch.config.judging import Evaluate, Gate
from aislewatch.evaluate.alarms import (
    alarm_rate,
    alert_share,
    normal_hours,
    resampled_events,
)
from aislewatch.evaluate.intervals import Resampled, interval, resampled_metrics
from aislewatch.evaluate.metrics import video_scores
from aislewatch.register.bounds import both_bounds
from aislewatch.register.decision import GateName, Verdict
from aislewatch.register.paired import p_auc_greater, p_greater
from aislewatch.score.events import VideoOutcome, VideoScores, judge_alerts
from aislewatch.score.predictions import labels_and_scores


@dataclass(frozen=True)
class Contender:
    """A model as the gate sees it: scores of test clips and whole test videos, and its rule."""

    clips: pd.DataFrame  # video, group, label, score
    videos: Sequence[VideoScores]
    rule: AlertRule


def first_champion(challenger: Contender, gate: Gate, settings: Evaluate) -> Verdict:
    """Compare the first model, which has no champion before it, with the stated minimum.

    Where every test video has an event, as long recordings may, there is no ROC-AUC by video: that
    by clip decides.
    """
    if loud := _too_loud(judge_alerts(challenger.videos, challenger.rule, settings), settings):
        return loud
    measured = resampled_metrics(challenger.clips, settings)
    of, figure = _judged_by(measured)
    auc = interval(measured[figure], settings.confidence)
    promote = auc.value >= gate.first_auc
    spread = f"{auc.low:.3f} to {auc.high:.3f}"
    if math.isnan(auc.low):
        spread = "too few recordings for an interval"
    reason = (
        f"there was no champion; ROC-AUC by {of} {_shown(auc.value, '.3f')} ({spread}), "
        f"{'at least' if promote else 'below'} the {gate.first_auc:g} that a "
        "first champion must reach (gate.first_auc)"
    )
    return Verdict(promote, "first", reason, {"gate.challenger_auc": auc.value})


def compare(challenger: Contender, champion: Contender, gate: Gate, settings: Evaluate) -> Verdict:
    """Decide by events where the footage suffices, else by ROC-AUC by video, and say so.

    Another alert rule for the champion's weights is a challenger like any other.

    Args:
        challenger: scored today.
        champion: the same clips and videos, scored today.
        gate: section gate of params.yaml.
        settings: resamples, confidence and seed, section evaluate.
    """
    ours = judge_alerts(challenger.videos, challenger.rule, settings)
    theirs = judge_alerts(champion.videos, champion.rule, settings)
    if loud := _too_loud(ours, settings):
        return loud
    hours = normal_hours(ours)
    missing = _missing(ours, hours, gate)
    if missing:
        return _by_auc(challenger, champion, gate, settings, missing)
    return _by_events(ours, theirs, gate, settings)


def _too_loud(outcomes: Sequence[VideoOutcome], settings: Evaluate) -> Verdict | None:
    """Refuse a model whose alerts last too long, whatever events lie under them."""
    share = alert_share(outcomes)
    if math.isnan(share) or share <= settings.max_alert_share:
        return None
    reason = (
        f"an alert lies over {share:.1%} of normal test footage, more than the "
        f"{settings.max_alert_share:.1%} that any model may disturb (evaluate.max_alert_share)"
    )
    return Verdict(False, "alert share", reason, {"gate.alert_share": share})


def _missing(outcomes: Sequence[VideoOutcome], hours: float, gate: Gate) -> str:
    """Say why events cannot decide; empty if they can."""
    if hours < gate.min_hours:
        return f"{hours:.3g} hours of normal test footage, {gate.min_hours:g} are needed"
    groups = len({outcome.group for outcome in outcomes})
    if groups < gate.min_groups:
        return f"{groups} independent groups of test videos, {gate.min_groups} are needed"
    if not any(outcome.events for outcome in outcomes):
        return "no event in the test footage"
    return ""


def _by_events(
    ours: Sequence[VideoOutcome], theirs: Sequence[VideoOutcome], gate: Gate, settings: Evaluate
) -> Verdict:
    """Judge by events: recall and alarms no worse beyond their margins, and one of them better."""
    mine, other = resampled_events(ours, settings), resampled_events(theirs, settings)
    recall = mine["recall"] - other["recall"]
    alarms = mine["false_alarms_per_hour"] - other["false_alarms_per_hour"]
    recall_low = _bound(recall, settings, upper=False)
    alarms_high = _bound(alarms, settings, upper=True)
    groups = [outcome.group for outcome in ours]
    p_recall = p_greater(_of(ours, "found"), _of(theirs, "found"), groups, settings)
    p_alarms = p_greater(-_of(ours, "false_alarms"), -_of(theirs, "false_alarms"), groups, settings)
    worse = [
        words
        for words, is_worse in (
            ("event recall may be lower", recall_low < -gate.margin_recall),
            ("false alarms may be more frequent", alarms_high > gate.margin_alarms),
        )
        if is_worse
    ]
    # Two chances to be better: each at half the error that is allowed (Bonferroni).
    better = min(p_recall, p_alarms) <= (1.0 - settings.confidence) / 2.0
    rates = [alarm_rate(outcomes, settings.confidence)[0] for outcomes in (ours, theirs)]
    said = (
        f"event recall {mine['recall'].value:.3f} against {other['recall'].value:.3f} "
        f"(difference at least {_shown(recall_low, '+.3f')}, margin {gate.margin_recall:g}, "
        f"p {_shown(p_recall, '.3g')}); "
        f"false alarms per camera-hour {rates[0]:.3g} against {rates[1]:.3g} "
        f"(difference at most {_shown(alarms_high, '+.3g')}, margin {gate.margin_alarms:g}, "
        f"p {_shown(p_alarms, '.3g')}); share of normal time under an alert "
        f"{alert_share(ours):.2%} against {alert_share(theirs):.2%}"
    )
    name = "false_alarms_per_hour"
    numbers = {
        **both_bounds("recall", mine["recall"], other["recall"], settings),
        **both_bounds("alarms", mine[name], other[name], settings),
        "gate.recall_difference": recall.value,
        "gate.recall_difference_low": recall_low,
        "gate.alarms_difference": alarms.value,
        "gate.alarms_difference_high": alarms_high,
        "gate.p_recall": p_recall,
        "gate.p_alarms": p_alarms,
        "gate.normal_hours": normal_hours(ours),
        "gate.alert_share": alert_share(ours),
    }
    return _decide("events", not worse, better, " and ".join(worse), said, numbers)


def _judged_by(measured: Mapping[str, Resampled]) -> tuple[str, str]:
    """Return what an AUC is of, in words, and its name: of videos where there are both classes."""
    if math.isnan(measured["video_auc"].value):
        return "clip, as test lacks videos of one class", "auc"
    return "video", "video_auc"


def _by_auc(
    challenger: Contender, champion: Contender, gate: Gate, settings: Evaluate, missing: str
) -> Verdict:
    measured = resampled_metrics(challenger.clips, settings)
    of, figure = _judged_by(measured)
    ours, theirs = measured[figure], resampled_metrics(champion.clips, settings)[figure]
    low = _bound(ours - theirs, settings, upper=False)
    mine, other = challenger.clips, champion.clips
    groups = mine["group"].tolist()
    if figure == "video_auc":
        groups = mine.groupby("video", sort=True)["group"].first().tolist()
        mine, other = video_scores(mine), video_scores(other)
    labels_N, ours_N = labels_and_scores(mine)
    p_value = p_auc_greater(labels_N, ours_N, labels_and_scores(other)[1], groups, settings)
    said = (
        f"too little footage to judge alarms ({missing}), so ROC-AUC by {of} decides: "
        f"{_shown(ours.value, '.3f')} against the champion's {_shown(theirs.value, '.3f')} "
        f"(difference at least {_shown(low, '+.3f')}, margin {gate.margin_auc:g}, "
        f"p {_shown(p_value, '.3g')})"
    )
    numbers = {
        **both_bounds("auc", ours, theirs, settings),
        "gate.auc_difference": ours.value - theirs.value,
        "gate.auc_difference_low": low,
        "gate.p_auc": p_value,
    }
    not_worse = low >= -gate.margin_auc
    better = p_value <= 1.0 - settings.confidence
    return _decide("auc", not_worse, better, "ROC-AUC may be lower", said, numbers)


def _decide(
    gate: GateName, not_worse: bool, better: bool, worse: str, said: str, numbers: dict[str, float]
) -> Verdict:
    if not not_worse:
        reason = f"{worse} than the champion's beyond the margin: {said}"
    elif not better:
        reason = f"not shown to be better in anything: {said}"
    else:
        reason = f"no worse beyond the margin, and better: {said}"
    known = {name: value for name, value in numbers.items() if not math.isnan(value)}
    return Verdict(not_worse and better, gate, reason, known)


def _bound(difference: Resampled, settings: Evaluate, upper: bool) -> float:
    """Return a one-sided bound of a paired difference; infinitely bad if none can be given."""
    two_sided = 2.0 * settings.confidence - 1.0
    found = interval(difference, two_sided)
    bound = found.high if upper else found.low
    return (math.inf if upper else -math.inf) if math.isnan(bound) else bound


def _shown(value: float, form: str) -> str:
    """Write a figure; one that too little footage leaves undefined is ``unknown``."""
    return format(value, form) if math.isfinite(value) else "unknown"


def _of(
    outcomes: Sequence[VideoOutcome], name: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([getattr(outcome, name) for outcome in outcomes], np.float64)
