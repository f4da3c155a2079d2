"""The sections of params.yaml that say what is trained, and how."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from aislewatch.config.types import (
    Choices,
    Count,
    Fraction,
    LogRange,
    LogRangeBelowOne,
    NotNegative,
    Range,
    RangeBelowOne,
    Section,
)

Precision = Literal["float32", "bf16", "bf16_fused"]
Size = Literal["demo", "small_gpu", "reference"]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd, so that the state keeps its size")
    return value


# The numbers of a network, here and in the config.json of a trained one.
Encoder = Literal["cnn", "detector"]
Input = Literal["rgb", "diff"]
InputSize = Annotated[int, Field(ge=16, multiple_of=8)]
EncoderChannels = Annotated[list[Count], Field(min_length=1, max_length=4)]
KernelSize = Annotated[Count, AfterValidator(_odd)]
Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]
Norm = Literal["none", "batch", "group"]


class Model(Section):
    """Name the size of the networks, or set numbers of it; None: as the size has it.

    ``aislewatch.models.sizes.network_of`` makes the numbers of a network of it.
    """

    size: Size
    encoder: Encoder
    input: Input
    input_size: InputSize | None
    encoder_channels: EncoderChannels | None
    hidden_channels: Count | None
    kernel_size: KernelSize | None
    dropout: Dropout | None
    norm: Norm
    mirrors: bool


class Learning(Section):
    """Set what tuning and training share: batches, loss, augmentation, rate, arithmetic."""

    batch_size: Count
    focal_gamma: Annotated[float, Field(ge=0.0)]
    oversample: bool
    epoch_clips: Count | None
    flip: Fraction
    brightness: Annotated[float, Field(ge=0.0, lt=1.0)]
    crop: Annotated[float, Field(gt=0.5, le=1.0)]
    speed: Annotated[float, Field(ge=0.0, lt=1.0)]
    mixup: NotNegative
    schedule: Literal["constant", "cosine"]
    warmup: Annotated[float, Field(ge=0.0, lt=1.0)]
    average: Annotated[float, Field(ge=0.0, lt=1.0)]
    precision: Precision


class Tune(Section):
    """Say how long the Optuna study is."""

    trials: Count
    epochs: Count


class Search(Section):
    """Set the ranges of the study, [lowest, highest]; None: not searched.

    Those of Adam and of weight decay are searched in log.
    """

    lr: LogRange
    one_minus_beta1: LogRangeBelowOne
    one_minus_beta2: LogRangeBelowOne
    eps: LogRange
    weight_decay: LogRange | None
    batch_size: Choices | None
    dropout: RangeBelowOne | None
    focal_gamma: Range | None


class Train(Section):
    """Say how long a training is, with which optimizer, and what it goes on from."""

    epochs: Count
    patience: Count
    optimizer: Literal["tuned", "paper"]
    start_from: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
