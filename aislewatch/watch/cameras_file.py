"""Reads cameras.yaml: which cameras are followed, what each looks at, and when."""

from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from aislewatch.config.types import Count, Fraction, NotNegative, Positive, Section
from aislewatch.errors import ConfigError
from aislewatch.files import read_yaml
from aislewatch.watch.addresses import shown

Role = Literal["till", "entrance", "aisle"]

# Also a part of file names, of an alert's id and of metrics.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]

Point = Annotated[list[Fraction], Field(min_length=2, max_length=2)]


class Zone(Section):
    """Hold a part of the picture in which an alert counts: corners as shares of width, height."""

    name: Name
    polygon: Annotated[list[Point], Field(min_length=3)]


def _span(text: str) -> str:
    try:
        begin, end = map(time.fromisoformat, text.split("-"))
    except ValueError:
        raise ValueError('must be as "08:00-20:00"') from None
    if begin == end:
        raise ValueError("begins when it ends; leave hours out for the whole day")
    return text


Hours = Annotated[str, AfterValidator(_span)]


class LiveCamera(Section):
    """Describe one camera.

    ``hours`` are local times of this machine, at which it is watched; a span may pass midnight.
    """

    name: Name
    address: SecretStr
    role: Role
    zones: list[Zone] = Field(default_factory=list)
    hours: list[Hours] = Field(default_factory=list)

    @property
    def shown(self) -> str:
        """Return its address without user, password and query."""
        return shown(self.address.get_secret_value())

    def is_watched(self, at: time) -> bool:
        """Say whether a time of the day is within its hours."""
        spans = [tuple(map(time.fromisoformat, span.split("-"))) for span in self.hours]
        return not spans or any(
            begin <= at < end if begin < end else at >= begin or at < end for begin, end in spans
        )


class Watching(Section):
    """Say how cameras are followed; all times in seconds of a clock that nobody sets.

    ``stall_s`` without a frame, or ``open_s`` until the first, and the camera's process is killed.
    6 and 10: the slowest recorders have a frame in 2 s, and key frames up to 10 s apart; garbage
    may make libav give one more picture 3.6 s late, and still counts within 10 s. A camera
    is tried again after ``backoff_s``, doubled up to ``backoff_most_s``, each time drawn between
    half of it and the whole: 4 keeps a camera that starts again within 15 s.
    """

    stall_s: Positive = 6.0
    open_s: Positive = 10.0
    backoff_s: Positive = 0.5
    backoff_most_s: Positive = 4.0
    queue_clips: Count = 8  # clips of a camera that wait for the network; of more, the oldest go
    late_s: Positive = 5.0  # from capture to score, above which a camera counts as late
    settle_s: NotNegative = 60.0  # without trouble, after which a camera's trouble is over
    before_s: NotNegative = 5.0  # of evidence before an alert
    after_s: NotNegative = 5.0  # of evidence after it
    segment_s: NotNegative = 60.0  # of a file of kept footage, at least; 0: none is kept
    memory_mib: Count = 2048  # address space of a camera's process
    decode_on: Literal["cpu", "device"] = "cpu"  # device: a GPU where one is there, else the CPU
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9108  # on loopback; 0: none


class Cameras(Section):
    """Hold the whole of cameras.yaml."""

    watching: Watching = Watching()
    cameras: list[LiveCamera]

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [camera.name for camera in self.cameras]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two cameras are called {min(twice)}; give each a name of its own")
        return self


def read_cameras(file: Path) -> Cameras:
    """Read and check cameras.yaml.

    Raises:
        ConfigError: it is missing or wrong; the message shows no address.
    """
    try:
        content: Any = read_yaml(file)
        return Cameras.model_validate(content)
    except FileNotFoundError:
        words = "is missing; docs/operations.md shows one"
    except (OSError, UnicodeDecodeError) as error:
        words = f"cannot be read ({type(error).__name__})"
    except YAMLError as error:
        # Not its own words, which quote the line: it may hold a password.
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        words = f"is no YAML{f': line {mark.line + 1}' if mark else ''}; correct it there"
    except ValidationError as error:
        lines = [
            f"  {_key(one['loc'])}: {_told(one['type'], one['msg'])}" for one in error.errors()
        ]
        words = "\n".join(["is wrong:", *lines])
    raise ConfigError(f"{file} {words}") from None


def _key(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc) or "(top level)"


def _told(kind: str, words: str) -> str:
    return _WORDS.get(kind, words.removeprefix("Value error, "))


_WORDS = {
    "extra_forbidden": "unknown key; remove it or correct its spelling",
    "missing": "missing; a camera needs name, address and role",
    "model_type": "must have keys and values, as docs/operations.md shows",
    "list_type": "must be a list: - before each part, or all in [ ]",
    "string_type": "must be a text; put it in quotes",
}
