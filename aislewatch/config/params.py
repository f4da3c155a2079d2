"""Read and check params.yaml as a whole.

``params.yaml`` documents every key; the classes here only state its type and bounds.
"""

from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, ValidationError, field_validator
from ruamel.yaml.error import YAMLError

from aislewatch.config.data import Frames, Layout, Segment, Split, Validate
from aislewatch.config.desk import Reviewing
from aislewatch.config.explain import explain
from aislewatch.config.judging import Alerts, Evaluate, Gate, Register
from aislewatch.config.learning import Learning, Model, Search, Train, Tune
from aislewatch.config.machine import Ingest, Machine
from aislewatch.config.people import People, Tracker
from aislewatch.config.types import Section, Seed
from aislewatch.errors import ConfigError
from aislewatch.files import read_yaml
from aislewatch.tables import places

PARAMS_FILE = Path("params.yaml")


class Params(Section):
    """Hold the whole of params.yaml."""

    sources: Annotated[dict[str, Layout], Field(min_length=1)]
    people: People
    model: Model
    tune: Tune
    train: Train
    alerts: Alerts
    register_: Annotated[Register, Field(alias="register")]
    seed: Seed
    frames: Frames
    track: Tracker
    validate_: Annotated[Validate, Field(alias="validate")]
    segment: Segment
    split: Split
    learning: Learning
    search: Search
    evaluate: Evaluate
    gate: Gate
    desk: Reviewing
    machine: Machine
    ingest: Ingest

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
                raise ValueError(f"{name!r} must name a folder in {places.RAW}")
        return value


def parse_params(values: Any, where: str) -> Params:
    """Check ``values`` (parsed YAML) and return them typed.

    Raises:
        ConfigError: a line for every unknown key, missing key and wrong value.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        lines = explain(error.errors())
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
        said = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
        raise ConfigError(f"{path} is not valid YAML: {said}; correct that line") from None
    return parse_params(values, str(path))
