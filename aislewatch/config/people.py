"""The sections of params.yaml about people: who finds them, and what becomes a track."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from aislewatch.config.types import BelowOne, Count, Section
from aislewatch.tables import places

# What of the picture a network is shown of a person; ``people.squares`` cuts them out.
Region = Literal["person", "upper", "scene"]


class People(Section):
    """Say which detector finds people, and how their squares are kept."""

    detector: Literal["none", "yolox"]
    weights: str
    square: Annotated[int, Field(ge=32, le=512, multiple_of=16)]
    every: Count
    regions: Annotated[list[Region], Field(min_length=1)]

    @field_validator("regions")
    @classmethod
    def _each_once(cls, value: list[Region]) -> list[Region]:
        if len(set(value)) < len(value):
            raise ValueError(f"names a region twice: {', '.join(value)}")
        return value

    @field_validator("weights")
    @classmethod
    def _where_dvc_looks(cls, value: str) -> str:
        if Path(value).parent != places.DETECTOR:
            raise ValueError(
                f"must lie in {places.DETECTOR}, where DVC sees it change; bring the file there by "
                "`aislewatch pretrained add FILE`"
            )
        return value


class Tracker(Section):
    """Set which boxes begin a track, which go on with it, and how long it may lack one."""

    begin_score: BelowOne
    go_on_score: BelowOne
    gap: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _goes_on_below(self) -> "Tracker":
        if self.go_on_score > self.begin_score:
            raise ValueError(
                f"go_on_score ({self.go_on_score:g}) must not be above begin_score "
                f"({self.begin_score:g})"
            )
        return self
