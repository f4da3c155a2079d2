"""The sections of params.yaml that say how footage becomes clips in three splits."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from aislewatch.config.types import Count, Fraction, Positive, Section, Seed, Share

Layout = Literal["folder", "table", "cvat", "label_studio", "ucf_crime", "dcsass"]
Choice = Literal["drop", "keep_normal", "keep_shoplifting", "fail"]


class Frames(Section):
    """The frame store's format."""

    fps: Count
    size: Annotated[int, Field(ge=32, le=512, multiple_of=16)]


class Ingest(Section):
    """Limits of the decoding sandbox."""

    workers: Annotated[int, Field(ge=0)]
    timeout_s: Positive
    memory_mib: Count
    max_duration_s: Positive
    max_megapixels: Positive
    max_fps: Positive


class Validate(Section):
    """What labels must satisfy, when two videos count as copies, and whose label counts then."""

    min_event_s: Positive
    duplicate_share: Fraction
    contradictions: Choice


class Segment(Section):
    """How videos are cut into clips."""

    n_frames: Annotated[int, Field(ge=2, le=32)]
    step: Count
    stride: Count
    positive_overlap: Fraction
    negative_overlap: Fraction
    allow_short_clips: bool

    @model_validator(mode="after")
    def _windows(self) -> "Segment":
        if self.n_frames < 16 and not self.allow_short_clips:
            raise ValueError(
                "n_frames is below the paper's 16; set allow_short_clips: true (tests only)"
            )
        if self.negative_overlap >= self.positive_overlap:
            raise ValueError("negative_overlap must be below positive_overlap")
        return self


class Split(Section):
    """Shares of the three sides and what is kept together."""

    train: Share
    val: Share
    test: Share
    tolerance_points: Annotated[float, Field(gt=0.0, le=100.0)]
    recording_suffix: str
    keep_together: list[str]
    follow_official: bool
    seed: Seed

    @field_validator("recording_suffix")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Split":
        if abs(self.train + self.val + self.test - 1.0) > 1e-6:
            raise ValueError("train, val and test must add up to 1")
        return self
