"""The sections of params.yaml that say how footage becomes clips in three splits."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from aislewatch.config.types import Count, Fraction, Positive, Section, Share
from aislewatch.errors import ConfigError

Layout = Literal["folder", "table", "cvat", "label_studio", "ucf_crime", "dcsass"]
Choice = Literal["drop", "keep_normal", "keep_shoplifting", "fail"]

# Fewest frames of a clip in the paper, and in the pipeline.
FEWEST_FRAMES = 16


class Frames(Section):
    """Set how often and how large frames are kept."""

    fps: Count
    size: Annotated[int, Field(ge=32, le=512, multiple_of=16)]


class Validate(Section):
    """Set which labels are accepted, and what becomes of copies."""

    min_event_s: Positive
    duplicate_share: Fraction
    contradictions: Choice


class Segment(Section):
    """Say how videos are cut into clips."""

    n_frames: Annotated[int, Field(ge=2, le=32)]
    step: Count
    stride: Count
    positive_overlap: Fraction
    negative_overlap: Fraction

    @model_validator(mode="after")
    def _windows(self) -> "Segment":
        if self.negative_overlap >= self.positive_overlap:
            raise ValueError(
                f"negative_overlap ({self.negative_overlap:g}) must be below positive_overlap "
                f"({self.positive_overlap:g})"
            )
        return self

    def refuse_short_clips(self) -> None:
        """Refuse clips shorter than the paper's before any is cut; networks would take them.

        Raises:
            ConfigError: ``n_frames`` is too small.
        """
        if self.n_frames < FEWEST_FRAMES:
            raise ConfigError(
                f"segment.n_frames is {self.n_frames}, and the paper's clips have {FEWEST_FRAMES} "
                "to 32 frames; set one of these in params.yaml"
            )


class Split(Section):
    """Set the shares of the three sides, and what is kept on one of them."""

    train: Share
    val: Share
    test: Share
    tolerance_points: Annotated[float, Field(gt=0.0, le=100.0)]
    recording_suffix: str
    keep_together: list[str]
    follow_official: bool
    train_only: list[str]

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
        total = self.train + self.val + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"train, val and test must add up to 1, not to {total:g}")
        return self
