"""Types of the values in params.yaml: numbers with bounds, ranges, choices."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


def _ascending(value: list[float]) -> list[float]:
    if value[0] > value[1]:
        raise ValueError("must be [low, high]: the first number is above the second")
    return value


def _distinct(value: list[int]) -> list[int]:
    if len(set(value)) < len(value):
        raise ValueError("names a value twice; write each once")
    return value


LogRange = Annotated[list[Positive], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
BelowOne = Annotated[float, Field(gt=0.0, lt=1.0)]
LogRangeBelowOne = Annotated[
    list[BelowOne], Field(min_length=2, max_length=2), AfterValidator(_ascending)
]
Range = Annotated[
    list[Annotated[float, Field(ge=0.0)]],
    Field(min_length=2, max_length=2),
    AfterValidator(_ascending),
]
RangeBelowOne = Annotated[
    list[Annotated[float, Field(ge=0.0, lt=1.0)]],
    Field(min_length=2, max_length=2),
    AfterValidator(_ascending),
]
Choices = Annotated[list[Count], Field(min_length=2), AfterValidator(_distinct)]


class Section(BaseModel):
    """Hold the keys of a section; refuse unknown ones and wrong types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
