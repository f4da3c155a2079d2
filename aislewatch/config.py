"""params.yaml as typed, frozen objects that refuse unknown keys and wrong types.

``params.yaml`` documents every key; the classes here only state its type and bounds.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml.error import YAMLError

from aislewatch.errors import ConfigError
from aislewatch.files import read_yaml

PARAMS_FILE = Path("params.yaml")

Architecture = Literal["convlstm", "cnn", "lstm", "cnn_lstm"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


def _ascending(value: list[float]) -> list[float]:
    if value[0] > value[1]:
        raise ValueError("must be [low, high]")
    return value


LogRange = Annotated[list[Positive], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
BelowOne = Annotated[float, Field(gt=0.0, lt=1.0)]
LogRangeBelowOne = Annotated[
    list[BelowOne], Field(min_length=2, max_length=2), AfterValidator(_ascending)
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Frames(_Section):
    """The frame store's format."""

    fps: Count
    size: Annotated[int, Field(ge=32, le=512, multiple_of=16)]


class Ingest(_Section):
    """Limits of the decoding sandbox."""

    workers: Annotated[int, Field(ge=0)]
    timeout_s: Positive
    memory_mib: Count
    max_duration_s: Positive
    max_megapixels: Positive
    max_fps: Positive


class Validate(_Section):
    """What labels must satisfy, and when two videos count as copies."""

    min_event_s: Positive
    duplicate_share: Fraction


class Segment(_Section):
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


class Split(_Section):
    """Shares of the three sides and what is kept together."""

    train: Share
    val: Share
    test: Share
    recording_suffix: str
    seed: int

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


class Model(_Section):
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


class Learning(_Section):
    """What tuning and training share: batches, loss, balance, augmentation."""

    batch_size: Count
    focal_gamma: Annotated[float, Field(ge=0.0)]
    oversample: bool
    flip: Fraction
    brightness: Annotated[float, Field(ge=0.0, lt=1.0)]
    crop: Annotated[float, Field(gt=0.5, le=1.0)]


class Compute(_Section):
    """Where the numbers are crunched."""

    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Field(ge=0)]


class Tune(_Section):
    """The Optuna study over Adam's hyperparameters; ranges are [low, high], searched in log."""

    trials: Count
    epochs: Count
    seed: Seed
    lr: LogRange
    one_minus_beta1: LogRangeBelowOne
    one_minus_beta2: LogRangeBelowOne
    eps: LogRange


class Train(_Section):
    """One training."""

    epochs: Count
    patience: Count
    optimizer: Literal["tuned", "paper"]
    seed: Seed


class Evaluate(_Section):
    """Statistics of the report."""

    resamples: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)]
    mistakes: Count
    seed: Seed


class Alerts(_Section):
    """From scores to alerts."""

    method: Literal["consecutive", "majority"]
    threshold: Fraction
    consecutive: Count
    window: Count


class Register(_Section):
    """The registry entry and the promotion gate."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    margin: Fraction


class Params(_Section):
    """The whole of params.yaml."""

    sources: Annotated[list[str], Field(min_length=1)]
    frames: Frames
    ingest: Ingest
    validate_: Annotated[Validate, Field(alias="validate")]
    segment: Segment
    split: Split
    model: Model
    learning: Learning
    compute: Compute
    tune: Tune
    train: Train
    evaluate: Evaluate
    alerts: Alerts
    register_: Annotated[Register, Field(alias="register")]

    @field_validator("sources")
    @classmethod
    def _inside_raw(cls, value: list[str]) -> list[str]:
        for name in value:
            if not name or name.startswith(("/", ".")) or ".." in Path(name).parts:
                raise ValueError(f"{name!r} must name a subfolder of data/raw")
        if len(set(value)) != len(value):
            raise ValueError("a source is named twice")
        return value


def parse_params(values: Any, where: str) -> Params:
    """Check ``values`` (parsed YAML) and return them typed.

    Raises:
        ConfigError: a line for every unknown key, missing key and wrong value.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        lines = [_explain(item) for item in error.errors()]
        raise ConfigError(f"{where} has {len(lines)} problem(s):\n" + "\n".join(lines)) from None


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check a params.yaml.

    Raises:
        ConfigError: the file is missing, is not YAML, or breaks a rule.
    """
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; run from the project's root") from None
    except YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    return parse_params(values, str(path))


def _explain(item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"]) or "(top level)"
    if item["type"] == "extra_forbidden":
        return f"  {key}: unknown key; remove it or correct its spelling"
    if item["type"] == "missing":
        return f"  {key}: missing; every key of the shipped params.yaml is needed"
    return f"  {key}: {item['msg']} (got {item['input']!r})"
