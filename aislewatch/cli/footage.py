"""``aislewatch footage``: list videos that lie on S3, which ingest then fetches one at a time."""

import argparse
from pathlib import Path
from typing import Any

from aislewatch.tables import places


def add_footage(commands: Any) -> None:
    """Add the subcommand to those of ``aislewatch``."""
    footage = commands.add_parser("footage", help="list videos on S3 as a source's footage")
    footage.add_argument("address", help="s3://bucket/folder; all objects below it are listed")
    footage.add_argument(
        "folder",
        type=Path,
        help=f"the source, for example {places.RAW}/shop; say it again for news",
    )
    footage.set_defaults(run=_footage)


def _footage(chosen: argparse.Namespace) -> None:
    from aislewatch.ingest.remote import list_address, write_list

    files = list_address(chosen.address)
    path = write_list(chosen.folder, files)
    gib = sum(one.size for one in files) / (1 << 30)
    print(f"{path}: {len(files)} object(s), {gib:.1f} GiB; `dvc repro` fetches them one at a time")
