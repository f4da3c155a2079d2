"""``aislewatch pretrained``: bring the weights of a person detector, which the project has not."""

import argparse
from pathlib import Path
from typing import Any

from aislewatch.tables import places


def add_pretrained(commands: Any) -> None:
    """Add the subcommands to those of ``aislewatch``."""
    pretrained = commands.add_parser("pretrained", help="weights of a person detector")
    steps = pretrained.add_subparsers(required=True, metavar="COMMAND")
    steps.add_parser(
        "fetch", help=f"YOLOX-nano (3.7 MB, Apache-2.0) into {places.DETECTOR}, digest checked"
    ).set_defaults(run=_fetch)
    add = steps.add_parser("add", help=f"copy a file of the YOLOX family into {places.DETECTOR}")
    add.add_argument(
        "file", type=Path, help="an ONNX file as YOLOX's tools/export_onnx.py writes it"
    )
    add.add_argument("--licence", help="under which it is given, kept beside it")
    add.set_defaults(run=_add)


def _fetch(chosen: argparse.Namespace) -> None:
    from aislewatch.people import weights

    file, address = weights.fetch(places.DETECTOR, weights.SOURCES)
    print(f"{file} is there, checked byte for byte; from {address}")
    _say_origin(file)


def _add(chosen: argparse.Namespace) -> None:
    from aislewatch.people import weights

    file = weights.add(chosen.file, places.DETECTOR, chosen.licence or weights.UNSTATED)
    print(f"{file} is there")
    _say_origin(file)


def _say_origin(file: Path) -> None:
    from aislewatch.people.weights import origin_of

    print(
        f"{origin_of(file)} says whence it came, and under which licence\n"
        f"in params.yaml:\n  people:\n    detector: yolox\n    weights: {file}"
    )
