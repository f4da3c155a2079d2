"""The sections of params.yaml that say how networks are judged and promoted."""

from typing import Annotated, Literal

from pydantic import Field

from aislewatch.config.types import Count, Fraction, Positive, Section, Seed


class Evaluate(Section):
    """Statistics of the report."""

    resamples: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)]
    mistakes: Count
    seed: Seed


class Alerts(Section):
    """From scores to alerts."""

    method: Literal["consecutive", "majority"]
    false_alarm_budget: Positive
    threshold: Fraction
    consecutive: Count
    window: Count


class Gate(Section):
    """The registry entry and the promotion gate."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    first_auc: Fraction
    min_hours: Positive
    min_videos: Count
    margin_recall: Fraction
    margin_alarms: Positive
    margin_auc: Fraction
