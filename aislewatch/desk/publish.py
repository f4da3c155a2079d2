"""Closes the loop: writes what reviewers said as a source of labels, for the next run."""

import csv
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aislewatch.config.params import load_params
from aislewatch.desk import log
from aislewatch.desk.clips import with_verdicts
from aislewatch.desk.database import Database
from aislewatch.desk.evidence import told
from aislewatch.desk.schema import CLIPS, VERDICTS
from aislewatch.desk.verdicts import NOT_THEFT, THEFT
from aislewatch.errors import DeskError
from aislewatch.files import sha256_tree, whole_file, whole_folder
from aislewatch.tables import places

# The source's name in params.yaml, and its layout.
SOURCE = places.JUDGED
LAYOUT = "table"
LABELS = "labels.csv"

# Label of a verdict; who is unsure says nothing that could be learned.
LABEL_OF = {THEFT: "shoplifting", NOT_THEFT: "normal"}

COLUMNS = ("video", "label", "start_s", "end_s", "camera", "day", "judged_as")


@dataclass(frozen=True)
class Published:
    """Holds what was written.

    Args:
        thefts: clips with a theft.
        hard_negatives: clips without, most of which raised a false alarm.
        lost: judged clips whose footage is gone, and was never published.
        version: sha256 of all names and bytes; the same verdicts make the same.
    """

    thefts: int
    hard_negatives: int
    lost: list[str]
    version: str


def publish(database: Database, live: Path, raw: Path, at: float) -> Published:
    """Write every judged clip with its label into ``raw/desk``, whole or not at all.

    A clip whose verdict was undone is in it no more; one whose evidence was deleted stays, from
    what was published before.

    Args:
        database: the desk's.
        live: the live folder.
        raw: the folder of all sources.
        at: now, in seconds since 1970.

    Raises:
        DeskError: nothing was judged as theft or not theft, or all of its footage is gone.
    """
    target = raw / SOURCE
    with database.reading() as connection:
        query = with_verdicts().where(VERDICTS.c.verdict.in_(LABEL_OF)).order_by(CLIPS.c.id)
        judged = [dict(row) for row in connection.execute(query).mappings()]
    films = {row["id"]: _film_of(row, live, target) for row in judged}
    there = [row for row in judged if films[row["id"]] is not None]
    if not there:
        raise DeskError(
            f"no footage was judged as {THEFT} or {NOT_THEFT}; judge some on the desk first"
        )
    with whole_folder(target) as folder:
        for row in there:
            path = folder / _name_of(row)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(films[row["id"]], path)
        _write_labels(folder / LABELS, there)
        version = sha256_tree(folder)
    thefts = sum(row["verdict"] == THEFT for row in there)
    lost = [row["id"] for row in judged if films[row["id"]] is None]
    with database.changing() as connection:
        detail = {"thefts": thefts, "clips": len(there), "version": version}
        log.write(connection, at, "command", "publish", SOURCE, detail)
    return Published(thefts, len(there) - thefts, lost, version)


def _film_of(row: Mapping[str, Any], live: Path, target: Path) -> Any:
    """Return the clip's unblurred film, else what was published of it before, else None."""
    films = (live / row["folder"] / "original.mp4", target / _name_of(row))
    return next((film for film in films if film.is_file()), None)


def _name_of(row: Mapping[str, Any]) -> str:
    # A camera may be called anything; a folder may not.
    return f"{quote(row['camera'], safe=' ')}/{row['id']}.mp4"


def _write_labels(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in sorted(rows, key=_name_of):
            is_theft = row["verdict"] == THEFT
            names = ("theft_start_s", "theft_end_s")
            # Down to the millisecond, so that no end lies beyond the film's.
            times = [f"{int(row[name] * 1000) / 1000:.3f}" if is_theft else "" for name in names]
            day = told(row["begin"], "%Y-%m-%d")
            label = LABEL_OF[row["verdict"]]
            writer.writerow([_name_of(row), label, *times, row["camera"], day, row["kind"]])


def name_source(params: Path) -> bool:
    """Add the source to a params.yaml that lacks it; say whether that was needed.

    Raises:
        ConfigError: the file is wrong.
        DeskError: its ``sources`` are not written one a line, so that a person must add it.
    """
    if SOURCE in load_params(params).sources:
        return False
    text = params.read_text(encoding="utf-8")
    line = f"  {SOURCE}: {LAYOUT}        # what reviewers judged (`aislewatch desk publish`)\n"
    changed, found = re.subn(r"(?m)^sources:[ \t]*(#.*)?\n", lambda met: met[0] + line, text)
    if found != 1:
        raise DeskError(f"add the source to {params} by hand, under sources: {SOURCE}: {LAYOUT}")
    with whole_file(params) as temporary:
        temporary.write_text(changed, encoding="utf-8")
        load_params(temporary)
    return True
