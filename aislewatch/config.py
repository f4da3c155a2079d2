"""params.yaml as typed, frozen objects that refuse unknown keys and wrong types.

``params.yaml`` documents every key; the classes here only state its type and bounds.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

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
Layout = Literal["folder", "table", "cvat", "label_studio", "ucf_crime", "dcsass"]
Choice = Literal["drop", "keep_normal", "keep_shoplifting", "fail"]
Precision = Literal["float32", "bf16", "bf16_fused"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


def _ascending(value: list[float]) -> list[float]:
    if value[0] > value[1]:
        raise ValueError("must be [low, high]")
    return value


def _distinct(value: list[int]) -> list[int]:
    if len(set(value)) < len(value):
        raise ValueError("names a value twice")
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
    """What labels must satisfy, when two videos count as copies, and whose label counts then."""

    min_event_s: Positive
    duplicate_share: Fraction
    contradictions: Choice


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
    precision: Precision


class Tune(_Section):
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


class Train(_Section):
    """One training."""

    epochs: Count
    patience: Count
    optimizer: Literal["tuned", "paper"]
    start_from: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
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
    false_alarm_budget: Positive
    threshold: Fraction
    consecutive: Count
    window: Count


class Gate(_Section):
    """The registry entry and the promotion gate."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    first_auc: Fraction
    min_hours: Positive
    min_videos: Count
    margin_recall: Fraction
    margin_alarms: Positive
    margin_auc: Fraction


class Params(_Section):
    """The whole of params.yaml."""

    sources: Annotated[dict[str, Layout], Field(min_length=1)]
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
    register_: Annotated[Gate, Field(alias="register")]

    @field_validator("sources", mode="before")
    @classmethod
    def _is_mapping(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for name in value:
                if not isinstance(name, str):
                    raise ValueError(f'put the name {name} in quotes, as in "{name}": folder')
            return value
        names = value if isinstance(value, list) and value else ["myshop"]
        lines = "\n".join(f"      {name}: folder" for name in names)
        raise ValueError(
            "say how each source is laid out, one a line (docs/data.md shows the layouts "
            f"{', '.join(get_args(Layout))}):\n    sources:\n{lines}\n   "
        )

    @field_validator("sources")
    @classmethod
    def _inside_raw(cls, value: dict[str, Layout]) -> dict[str, Layout]:
        for name in value:
            if not name or name.startswith(".") or "/" in name:
                raise ValueError(f"{name!r} must name a folder in data/raw")
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
