"""The sections of params.yaml that say what is trained, and how."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from aislewatch.config.types import (
    Choices,
    Count,
    Fraction,
    LogRange,
    LogRangeBelowOne,
    Range,
    RangeBelowOne,
    Section,
    Seed,
)

Architecture = Literal["convlstm", "cnn", "lstm", "cnn_lstm"]
Precision = Literal["float32", "bf16", "bf16_fused"]


class Model(Section):
    """The network. ``input: rgb`` is the paper's; ``diff`` feeds frame differences."""

    input: Literal["rgb", "diff"]
    input_size: Annotated[int, Field(ge=16, multiple_of=8)]
    encoder_channels: Annotated[list[Count], Field(min_length=1, max_length=4)]
    hidden_channels: Count
    kernel_size: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)]

    @field_validator("kernel_size")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("must be odd, so that the state keeps its size")
        return value


class Learning(Section):
    """What tuning and training share: batches, loss, balance, augmentation."""

    batch_size: Count
    focal_gamma: Annotated[float, Field(ge=0.0)]
    oversample: bool
    flip: Fraction
    brightness: Annotated[float, Field(ge=0.0, lt=1.0)]
    crop: Annotated[float, Field(gt=0.5, le=1.0)]


class Compute(Section):
    """Where the numbers are crunched."""

    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Field(ge=0)]
    precision: Precision


class Tune(Section):
    """The Optuna study. Ranges are [low, high], those of Adam and weight decay searched in log;
    None: not searched."""

    trials: Count
    epochs: Count
    workers: Count
    seed: Seed
    lr: LogRange
    one_minus_beta1: LogRangeBelowOne
    one_minus_beta2: LogRangeBelowOne
    eps: LogRange
    weight_decay: LogRange | None = None
    batch_size: Choices | None = None
    dropout: RangeBelowOne | None = None
    focal_gamma: Range | None = None


class Train(Section):
    """One training."""

    epochs: Count
    patience: Count
    optimizer: Literal["tuned", "paper"]
    start_from: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    seed: Seed
