"""The command ``aislewatch what-if``: alarms a day against recall for any threshold and rule."""

import argparse
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aislewatch.config.judging import Alerts
from aislewatch.config.params import load_params
from aislewatch.errors import ConfigError
from aislewatch.tables import places


def add_what_if(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "what-if", help="alarms a day against recall for any threshold, from kept scores"
    )
    command.add_argument(
        "--threshold", type=float, action="append", default=[], help="to print; may be repeated"
    )
    command.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another value of a key of alerts in params.yaml, as method=median; may be repeated",
    )
    command.add_argument(
        "--out", type=Path, default=places.REPORTS / "what_if", help="folder for table and picture"
    )
    command.set_defaults(run=_what_if)


def _what_if(chosen: argparse.Namespace) -> None:
    params = load_params()
    asked = _asked(params.alerts, chosen.rule)
    for threshold in chosen.threshold:
        if not 0.0 <= threshold <= 1.0:
            raise ConfigError(f"--threshold {threshold:g} is no probability; give one from 0 to 1")
    # Imports pandas, scipy and matplotlib.
    from aislewatch.whatif.answer import answer

    print(answer(params, asked, chosen.threshold, chosen.out).describe(), end="")


def _asked(alerts: Alerts, said: list[str]) -> Alerts:
    """Return the section with the values of the command line.

    Raises:
        ConfigError: one is no ``KEY=VALUE``, or does not fit its key.
    """
    changes = {}
    for each in said:
        key, equals, value = each.partition("=")
        if not equals or key not in Alerts.model_fields:
            known = ", ".join(sorted(Alerts.model_fields))
            raise ConfigError(f"--rule {each}: write KEY=VALUE, KEY one of {known}")
        changes[key] = value
    texts = {key: str(value) for key, value in alerts.model_dump().items()}
    try:
        return Alerts.model_validate_strings(texts | changes)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or " ".join(said)
        raise ConfigError(f"--rule {where}: {first['msg']}") from None
