"""Reads delivery.yaml: where alerts go, and until when they are alarms."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml.error import YAMLError

from aislewatch.config.types import Positive, Section
from aislewatch.errors import ConfigError
from aislewatch.files import read_yaml

DELIVERY_FILE = Path("delivery.yaml")

# What an address of each kind begins with; apprise's own kinds are more than can be listed.
SCHEMES = {"webhook": ("http", "https"), "mqtt": ("mqtt", "mqtts")}


class Target(Section):
    """Say where alerts go. The address may hold a password or a token: it is never shown.

    ``webhook``: an http(s) address. ``mqtt``: ``mqtt[s]://user:password@host:port/topic``.
    ``apprise``: any address of apprise's, for e-mail and chats.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]
    kind: Literal["webhook", "mqtt", "apprise"]
    address: Annotated[str, Field(min_length=1, repr=False)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        allowed = SCHEMES.get(self.kind)
        try:
            parts = urlsplit(self.address)
            is_whole = bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_whole = False
        if allowed and not (is_whole and parts.scheme in allowed):
            raise ValueError(f"the address of a {self.kind} is {' or '.join(allowed)}://host…")
        if self.kind == "mqtt" and not parts.path.strip("/"):
            raise ValueError("the address of an mqtt target ends with its topic: mqtt://host/topic")
        return self


class Delivery(Section):
    """Hold the whole of delivery.yaml.

    ``ttl_s``: seconds after an alert was raised in which it is an alarm; later, a digest tells it.
    """

    ttl_s: Positive
    targets: list[Target]

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [target.name for target in self.targets]
        if len(set(names)) < len(names):
            raise ValueError("two targets have the same name")
        return self


def read_delivery(file: Path = DELIVERY_FILE) -> Delivery:
    """Read and check delivery.yaml; no message says what an address is.

    Raises:
        ConfigError: it is missing, no YAML, or says what cannot be.
    """
    try:
        return Delivery.model_validate(read_yaml(file))
    except FileNotFoundError:
        raise ConfigError(
            f"{file} is missing; docs/operations.md (Delivery) shows what it says"
        ) from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{file}{where} is not valid YAML") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{file}: {where or 'it'}: {first['msg']}") from None
