"""The desk's pages for leads and admins: holds, packages, numbers, acceptance, model, log."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sqlalchemy import insert, select
from starlette.responses import RedirectResponse, Response, StreamingResponse

from aislewatch.config.params import load_params
from aislewatch.desk import clips, keeping, log, numbers
from aislewatch.desk.guarding import Asked, Page
from aislewatch.desk.recall import live_recall
from aislewatch.desk.schema import LOG, STAGED
from aislewatch.errors import AislewatchError, DeskError
from aislewatch.evidence.operating import read_changes, threshold_in_use
from aislewatch.files import HASH_BLOCK
from aislewatch.tables import places

# Entries of the log on one page.
LOG_ROWS = 500
# Changes of the operating point on it.
CHANGE_ROWS = 100


def hold(asked: Asked) -> Response:
    """Exempt a clip from deletion."""
    return _hold(asked, on=True)


def release(asked: Asked) -> Response:
    """End a hold."""
    return _hold(asked, on=False)


def _hold(asked: Asked, on: bool) -> Response:
    reason, now = asked.form.get("text", ""), asked.desk.now()
    with asked.desk.database.changing() as connection:
        keeping.hold(connection, asked.clip, asked.who.name, reason, on, now)
    return RedirectResponse(f"/clips/{asked.clip}", 303)


def export(asked: Asked) -> Response:
    """Send a case as one package."""
    desk = asked.desk
    # Without a name from the beginning: no unblurred copy stays behind, whoever breaks off.
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed when it was sent
    try:
        keeping.write_case(desk.database, desk.live, asked.clip, asked.who.name, desk.now(), file)
        length = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="{asked.clip}.zip"',
        "Content-Length": str(length),
    }
    return StreamingResponse(_blocks(file), media_type="application/zip", headers=headers)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(HASH_BLOCK):
            yield block


def show_numbers(asked: Asked) -> Response:
    """Show what the alerts were worth, by camera and model."""
    with asked.desk.database.reading() as connection:
        rows = numbers.by_camera(connection)
        recall = live_recall(connection)
    return asked.draw("numbers.html.j2", rows=rows, recall=recall)


def show_acceptance(asked: Asked) -> Response:
    """Show per camera what was caught of the thefts that staff staged."""
    with asked.desk.database.reading() as connection:
        done = numbers.acceptance(connection)
        cameras = clips.cameras(connection)
    return asked.draw("acceptance.html.j2", done=done, cameras=cameras)


def stage_theft(asked: Asked) -> Response:
    """Remember that a theft is staged now in front of a camera."""
    camera = asked.form.get("camera", "").strip()
    if not camera or len(camera) > 200:
        raise DeskError("name the camera before which the theft is staged")
    desk = asked.desk
    with desk.database.changing() as connection:
        row = {"camera": camera, "at": desk.now(), "who": asked.who.name}
        connection.execute(insert(STAGED).values(row))
        log.write(connection, desk.now(), asked.who.name, "staged theft", camera)
    return RedirectResponse("/acceptance", 303)


def show_model(asked: Asked) -> Response:
    """Show on which parts of the test footage the chosen model fails."""
    path = places.EVALUATION
    evaluation = json.loads(path.read_text()) if path.exists() else {}
    parts = sorted(evaluation.get("slices", []), key=_recall)
    return asked.draw("model.html.j2", parts=parts, evaluation=evaluation)


def _recall(part: dict[str, dict[str, float]]) -> float:
    events = part["alerts"]["events"]
    return part["alerts"]["events_found"] / events if events else 1.0


def show_thresholds(asked: Asked) -> Response:
    """Show what other thresholds would mean, from the scores that the pipeline keeps.

    The one that alerts are raised by and the one that is asked for stand among them.
    """
    # Imports pandas and matplotlib: seconds that the other pages need not pay.
    from aislewatch.whatif.answer import PRINTED, answer

    used = threshold_in_use(asked.desk.live)
    wanted = _probability(asked.request.query_params.get("threshold", ""))
    notes = ((wanted, "asked for"), (used, "in use"))
    marked = {threshold: note for threshold, note in notes if threshold is not None}
    try:
        params = load_params()
        with tempfile.TemporaryDirectory() as folder:
            found = answer(params, params.alerts, (*PRINTED, *marked), Path(folder))
    except AislewatchError as error:
        return asked.draw("thresholds.html.j2", found=None, points=[], fault=str(error))
    points = [point for point in found.found if point.threshold in found.printed]
    return asked.draw("thresholds.html.j2", found=found, points=points, fault="", marked=marked)


def _probability(written: str) -> float | None:
    """Read a threshold that is asked for; None where none is.

    Raises:
        DeskError: it is no probability.
    """
    if not written:
        return None
    try:
        value = float(written)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise DeskError(f"{written!r} is no threshold; give a number from 0 to 1")
    return value


def show_log(asked: Asked) -> Response:
    """Show the newest entries, whether the log was changed, and what alerts were raised by."""
    with asked.desk.database.reading() as connection:
        fault = log.verify(connection)
        _, digest = log.head(connection)
        query = select(LOG).order_by(LOG.c.number.desc()).limit(LOG_ROWS)
        rows = [dict(row) for row in connection.execute(query).mappings()]
    changes = read_changes(asked.desk.live)[: -CHANGE_ROWS - 1 : -1]
    return asked.draw("log.html.j2", rows=rows, fault=fault, digest=digest, changes=changes)


PAGES = [
    Page("POST", "/clips/{clip}/hold", "lead", hold),
    Page("POST", "/clips/{clip}/release", "lead", release),
    Page("POST", "/clips/{clip}/export", "lead", export),
    Page("GET", "/numbers", "guard", show_numbers),
    Page("GET", "/acceptance", "lead", show_acceptance),
    Page("POST", "/acceptance", "lead", stage_theft),
    Page("GET", "/model", "guard", show_model),
    Page("GET", "/thresholds", "guard", show_thresholds),
    Page("GET", "/log", "admin", show_log),
]
