"""Says when scores become an alert: the paper's temporal smoothing, and what a shop adds to it.

"An alert is triggered only when the predicted probability of shoplifting remains consistently
above a threshold (e.g., 0.8) for multiple clips" (Inference Strategy); majority voting is the
paper's other choice.
"""

import math
import sys
from collections.abc import Mapping
from typing import Any

from aislewatch.config.judging import Alerts, Smoothing
from aislewatch.config.types import Fraction

# What a rule that was frozen before these keys existed did.
BEFORE = {
    "end_share": 1.0,
    "shortest_s": 0.0,
    "longest_s": 86400.0,
    "merge_s": 0.0,
    "cooldown_s": 0.0,
}


class AlertRule(Smoothing):
    """Hold the rule that a model raises alerts by, as its operating.json freezes it.

    ``alerts`` of params.yaml with the threshold that validation chose, a score from 0 to 1.
    """

    threshold: Fraction


def rule_at(asked: Alerts, threshold: float) -> AlertRule:
    """Return the rule that params.yaml asks for, at this threshold."""
    return AlertRule(**asked.model_dump(exclude={"fallback_threshold"}), threshold=threshold)


def frozen_rule(stored: Mapping[str, Any]) -> AlertRule:
    """Read a rule as a version's operating.json holds it, also one of an earlier release.

    Raises:
        pydantic.ValidationError: it is no rule.
    """
    votes = {"votes": stored["window"] // 2 + 1}
    return AlertRule.model_validate(BEFORE | votes | dict(stored))


def clips_looked_at(rule: AlertRule) -> int:
    """Count the most recent clips that have a say in whether the rule is true."""
    return rule.consecutive if rule.method == "consecutive" else rule.window


def clips_to_alert(rule: AlertRule) -> int:
    """Count the fewest successive clips that can raise an alert; a shorter video never does."""
    match rule.method:
        case "consecutive":
            return rule.consecutive
        case "majority":
            return rule.votes
        case "median":
            return rule.window // 2 + 1
    # After n clips of score 1 the mean is 1 - (1 - weight)^n. What it can never reach needs as many
    # clips as leave less than a float can tell from 1.
    left = max(1.0 - rule.threshold, sys.float_info.epsilon)
    keeps = 1.0 - weight(rule)
    return max(1, math.ceil(math.log(left) / math.log(keeps))) if keeps else 1


def weight(rule: AlertRule) -> float:
    """Return the weight of the newest clip in the exponential mean, by the usual span of a window.

    Clips then are half a window old on average, as in a plain mean of it.
    """
    return 2.0 / (rule.window + 1)


def can_see(rule: AlertRule, event_s: float, clip_s: float, grace_s: float) -> bool:
    """Tell whether an event is long enough for an alert, wherever the clips happen to begin.

    A clip speaks of an event when it holds half of it, or is half filled by it. Of clips half their
    length apart, those that begin within max(clip, event) seconds do: two for the shortest event.
    As many as the rule needs must be there, and the last must end before the grace has passed.

    Args:
        rule: how many clips an alert needs, and how long it must last.
        event_s: length of the event, seconds.
        clip_s: length of a clip, seconds.
        grace_s: seconds after the event's end within which an alert still finds it.
    """
    lasting = math.ceil(2 * rule.shortest_s / clip_s - 1) if clip_s else 0
    needed_s = max(clips_to_alert(rule), lasting) * clip_s / 2
    raised_s = needed_s + min(clip_s, event_s) / 2  # at the latest, after the event's beginning
    return needed_s <= max(clip_s, event_s) and raised_s <= event_s + grace_s


def rule_in_words(rule: AlertRule) -> str:
    """Describe the smoothing as a person says it, for reports."""
    at = f"at or above {rule.threshold:g}"
    if rule.method == "consecutive":
        return f"each of {rule.consecutive} clips in a row {at}"
    if rule.method == "majority":
        is_half = rule.votes == rule.window // 2 + 1
        votes = "more than half" if is_half else f"at least {rule.votes}"
        return f"{votes} of {rule.window} clips in a row {at}"
    if rule.method == "median":
        return f"the median of {rule.window} clips in a row {at}"
    return f"the exponential mean of about {rule.window} clips {at}"
