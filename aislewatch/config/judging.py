"""The sections of params.yaml that say how networks are judged and promoted."""

from typing import Annotated, Literal

from pydantic import Field

from aislewatch.config.types import Count, Fraction, Positive, Section, Share

Method = Literal["consecutive", "majority"]


class Evaluate(Section):
    """Set the statistics of the report."""

    resamples: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)]
    mistakes: Count
    grace_s: Annotated[float, Field(ge=0.0)]
    alarm_s: Positive
    max_alert_share: Share


class Alerts(Section):
    """Say when scores become alerts; the threshold is chosen on validation footage."""

    method: Method
    false_alarm_budget: Positive
    fallback_threshold: Fraction
    consecutive: Count
    window: Count


class Register(Section):
    """Name the registered model."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


class Gate(Section):
    """Say when a challenger becomes champion."""

    first_auc: Fraction
    min_hours: Positive
    min_groups: Count
    margin_recall: Fraction
    margin_alarms: Positive
    margin_auc: Fraction
