"""Keeps evidence as long as it may be kept: holds, packages of a case, and what is deleted."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import SQLAlchemyError

from aislewatch.desk import clips, log, verdicts
from aislewatch.desk.clips import NoClipError
from aislewatch.desk.database import Database, address_of
from aislewatch.desk.evidence import told
from aislewatch.desk.footage import CUT
from aislewatch.desk.schema import CLIPS, LOG, VERDICTS
from aislewatch.errors import DeskError
from aislewatch.evidence.folder import EVIDENCE
from aislewatch.evidence.kept import Spans, delete_footage
from aislewatch.files import sha256_file

CASE = "case.json"
MANIFEST = "manifest.sha256"

# The earliest time a zip file can state: the same case makes the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def hold(connection: Connection, clip: str, who: str, reason: str, on: bool, at: float) -> None:
    """Exempt a clip from deletion, or end that; the reason is kept.

    Raises:
        NoClipError: there is no such clip, or its footage was deleted.
        DeskError: no reason was given.
    """
    row = clips.find(connection, clip)
    if not row["stored"]:
        raise NoClipError(f"the footage of {clip} was deleted; there is nothing to hold")
    verdicts.remark(connection, clip, who, "hold" if on else "release", reason, at)
    connection.execute(update(CLIPS).where(CLIPS.c.id == clip).values(held=on))


def write_case(
    database: Database, live: Path, clip: str, who: str, at: float, file: IO[bytes]
) -> None:
    """Write a case as a zip: films, timeline, what was said, who saw it, and a sha256 of each.

    ``sha256sum -c manifest.sha256`` checks it where it is unpacked.

    Args:
        database: the desk's.
        live: the live folder.
        clip: the clip's id.
        who: the lead who exports it.
        at: now, in seconds since 1970.
        file: where to.

    Raises:
        NoClipError: there is no such clip, or its footage was deleted.
        DeskError: a file is not the one that was written with the alert.
    """
    with database.changing() as connection:
        row = clips.find(connection, clip)
        folder = live / row["folder"]
        if not row["stored"] or not folder.is_dir():
            raise NoClipError(f"the footage of {clip} was deleted")
        _refuse_changed(folder)
        log.write(connection, at, who, "export", clip)
        case = json.dumps(_case_of(connection, clip), indent=2, sort_keys=True) + "\n"
    files = sorted(path for path in folder.iterdir() if path.is_file())
    lines = [f"{sha256_file(path)}  {path.name}" for path in files]
    lines.append(f"{hashlib.sha256(case.encode()).hexdigest()}  {CASE}")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as package:
        for path in files:
            with path.open("rb") as source, package.open(_entry(path.name), "w") as target:
                shutil.copyfileobj(source, target)
        package.writestr(_entry(CASE), case)
        package.writestr(_entry(MANIFEST), "\n".join(lines) + "\n")


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, _NO_TIME)


def _refuse_changed(folder: Path) -> None:
    """Hold the files against the digests that were written with them."""
    path = folder / "manifest.json"
    digests: Mapping[str, str] = json.loads(path.read_text()) if path.exists() else {}
    for name, digest in digests.items():
        if not (folder / name).is_file() or sha256_file(folder / name) != digest:
            raise DeskError(
                f"{name} of {folder.name} is not the file that was written with the alert; it is "
                "no evidence any more. Ask who could write the live folder"
            )


def _case_of(connection: Connection, clip: str) -> dict[str, Any]:
    """Return all that is known of a clip; times in UTC."""
    row = clips.find(connection, clip)
    said = select(VERDICTS).where(VERDICTS.c.clip == clip).order_by(VERDICTS.c.number)
    entries = select(LOG).where(LOG.c.subject == clip).order_by(LOG.c.number)
    return {
        "id": clip,
        "camera": row["camera"],
        "begin": told(row["begin"]),
        "end": told(row["end"]),
        "verdicts": [
            {"verdict": one.verdict, "who": one.who, "at": told(one.at), "undone": one.undone}
            for one in connection.execute(said)
        ],
        "remarks": [
            {key: said[key] for key in ("kind", "who", "text")} | {"at": told(said["at"])}
            for said in row["remarks"]
        ],
        "seen_by": [{"who": saw["who"], "at": told(saw["at"])} for saw in row["seen_by"]],
        "log": [
            {"number": one.number, "at": told(one.at), "who": one.who, "action": one.action}
            | {"detail": json.loads(one.detail), "digest": one.digest}
            for one in connection.execute(entries)
        ],
    }


def delete_unjudged(
    database: Database, live: Path, keep_s: float, most_bytes: float, at: float
) -> list[str]:
    """Delete the files of clips that nobody judged in time and nobody holds; return their ids.

    Kept footage of that age goes, too, and what is too much of it, as do folders that never became
    a clip and what a killed process left undeleted.

    Args:
        database: the desk's.
        live: the live folder.
        keep_s: seconds after which footage goes.
        most_bytes: of kept footage.
        at: now, in seconds since 1970.
    """
    with database.reading() as connection:
        due = _due(connection, at - keep_s)
        known = set(connection.execute(select(CLIPS.c.folder)).scalars())
    strays = [path for path in _folders(live, known) if path.stat().st_mtime < at - keep_s]
    delete_footage(live, at - keep_s, most_bytes, lambda: held_spans(database))
    if due:
        with database.changing() as connection:
            due = _due(connection, at - keep_s)  # a verdict may have come in between
            for clip in due:
                log.write(connection, at, "desk", "deleted", clip)
            query = update(CLIPS).where(CLIPS.c.id.in_(due))
            connection.execute(query.values(stored=False))
    with database.reading() as connection:
        gone = select(CLIPS.c.folder).where(~CLIPS.c.stored)
        folders = [live / name for name in connection.execute(gone).scalars()]
    for folder in [*folders, *strays]:
        if folder.is_dir():
            shutil.rmtree(folder)
    return due


def held_spans(database: Database) -> Spans:
    """Return the times of each camera whose footage a held clip needs: its own, and once around."""
    with database.reading() as connection:
        held = list(connection.execute(select(CLIPS).where(CLIPS.c.held)))
    spans: dict[str, list[tuple[float, float]]] = {}
    for row in held:
        span = (row.begin - row.duration_s, row.end + row.duration_s)
        spans.setdefault(row.camera, []).append(span)
    return spans


def spans_held(live: Path) -> Spans:
    """Ask the desk of a live folder what its holds need, from a process of another kind.

    Raises:
        DeskError: its database does not answer.
    """
    database = Database(address_of(live))
    try:
        return held_spans(database)
    except SQLAlchemyError as error:
        raise DeskError(f"the desk does not say what is held ({type(error).__name__})") from None
    finally:
        database.close()


def _due(connection: Connection, before: float) -> list[str]:
    asked = (CLIPS.c.stored, ~CLIPS.c.held, CLIPS.c.raised < before, VERDICTS.c.number.is_(None))
    rows = connection.execute(clips.with_verdicts().where(*asked)).mappings()
    return [row["id"] for row in rows]


def _folders(live: Path, known: Collection[str]) -> list[Path]:
    """List the folders that are of no clip."""
    roots = [live / name for name in (EVIDENCE, CUT) if (live / name).is_dir()]
    there = [path for root in roots for path in root.iterdir() if path.is_dir()]
    return [path for path in there if f"{path.parent.name}/{path.name}" not in known]
