"""The sections of params.yaml that say how networks are judged and promoted."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aislewatch.config.types import Count, Fraction, NotNegative, Positive, Section, Share

Method = Literal["consecutive", "majority", "median", "mean"]


class Evaluate(Section):
    """Set the statistics of the report."""

    resamples: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)]
    mistakes: Count
    grace_s: Annotated[float, Field(ge=0.0)]
    alarm_s: Positive
    max_alert_share: Share


class Smoothing(Section):
    """Say how the scores of successive clips become alerts, at whatever threshold."""

    method: Method
    false_alarm_budget: Positive
    consecutive: Count
    window: Count
    votes: Count
    end_share: Annotated[float, Field(gt=0.0, le=1.0)]
    shortest_s: NotNegative
    longest_s: Positive
    merge_s: NotNegative
    cooldown_s: NotNegative

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.method == "majority" and self.votes > self.window:
            raise ValueError(f"votes is {self.votes}, but only {self.window} clips vote (window)")
        if self.shortest_s > self.longest_s:
            raise ValueError(
                f"shortest_s is {self.shortest_s:g}, above longest_s, {self.longest_s:g}: no alert "
                "could be raised"
            )
        return self


class Alerts(Smoothing):
    """Say when scores become alerts; the threshold is chosen on validation footage."""

    fallback_threshold: Fraction


class Register(Section):
    """Name the registered model, and say who makes a version champion that the gate lets pass."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    promotion: Literal["auto", "ask"]
    # A year: a question that stands longer was not meant to be answered.
    ask_days: Annotated[float, Field(gt=0.0, le=366.0)]


class Gate(Section):
    """Say when a challenger becomes champion."""

    first_auc: Fraction
    min_hours: Positive
    min_groups: Count
    margin_recall: Fraction
    margin_alarms: Positive
    margin_auc: Fraction
