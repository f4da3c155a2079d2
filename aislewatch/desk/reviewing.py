"""The desk's pages for judging: the list, the clip that plays, verdicts, remarks."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from sqlalchemy import Connection, insert, select
from starlette.responses import FileResponse, RedirectResponse, Response

from aislewatch.desk import clips, footage, log, verdicts
from aislewatch.desk.clips import UNJUDGED, Filters, NoClipError
from aislewatch.desk.guarding import Asked, Page
from aislewatch.desk.schema import CLIPS
from aislewatch.errors import DeskError, FootageError
from aislewatch.evidence.kept import cameras_kept
from aislewatch.pages import as_html

# What the shop wants done, in Markdown; its own text.
PROCEDURE = "procedure.md"
NO_PROCEDURE = (
    "No procedure is written yet. Write what your shop wants done into the file "
    f"`{PROCEDURE}` of the live folder: whom to call, what never to do."
)


def show_list(asked: Asked) -> Response:
    """Show the list, and play the oldest clip that nobody has judged."""
    filters = Filters.read(asked.request.query_params)
    with asked.desk.database.reading() as connection:
        clip = clips.next_to_judge(connection, filters)
    return _page(asked, filters, clip)


def show_clip(asked: Asked) -> Response:
    """Show the list, and play the clip that the address names."""
    with asked.desk.database.reading() as connection:
        row = clips.find(connection, asked.clip)
    kind = "shadow" if row["shadow"] else row["kind"]
    return _page(asked, Filters.read({"kind": kind} | dict(asked.request.query_params)), row["id"])


def _page(asked: Asked, filters: Filters, clip: str | None) -> Response:
    desk, visitor, query = asked.desk, asked.who, asked.request.query_params
    original = query.get("original") == "1" and visitor.may("lead")
    with desk.database.reading() as connection:
        shown = clips.find(connection, clip) if clip else None
        rows = clips.listed(connection, filters, visitor.name)
        judged = clips.find(connection, query["judged"]) if query.get("judged") else None
        cameras = clips.cameras(connection)
        newest = clips.last_number(connection)
    if shown:
        with desk.database.changing() as connection:
            verdicts.see(connection, [shown["id"]], visitor.name, desk.now())
            log.write(connection, desk.now(), visitor.name, "view", shown["id"])
    path = desk.live / PROCEDURE
    procedure = path.read_text(encoding="utf-8") if path.exists() else NO_PROCEDURE
    return asked.draw(
        "review.html.j2",
        filters=filters,
        address=urlencode({k: v for k, v in vars(filters).items() if v}),
        kinds=clips.KINDS,
        one=clips.ONE,
        words=(UNJUDGED, *verdicts.WORDS),
        rows=rows,
        clip=shown,
        judged=judged,
        original=original,
        cameras=cameras,
        newest=newest,
        procedure=as_html(procedure, below=2),
    )


def send_film(asked: Asked) -> Response:
    """Send the clip's film, in which people are blurred."""
    return _send(asked, "clip.mp4", "film")


def send_original(asked: Asked) -> Response:
    """Send the film as it was taken, and log who saw it."""
    return _send(asked, "original.mp4", "original film")


def send_poster(asked: Asked) -> Response:
    """Send the clip's still."""
    return _send(asked, "poster.jpg", "")


def _send(asked: Asked, name: str, action: str) -> Response:
    desk = asked.desk
    with desk.database.reading() as connection:
        row = clips.find(connection, asked.clip)
    path = desk.live / row["folder"] / name
    if not row["stored"] or not path.is_file():
        raise NoClipError(f"the footage of {asked.clip} was deleted")
    # A player asks for one film in many pieces; the first is logged.
    first = asked.request.headers.get("range", "bytes=0-").startswith("bytes=0-")
    if action and first:
        with desk.database.changing() as connection:
            log.write(connection, desk.now(), asked.who.name, action, asked.clip)
    return FileResponse(path)


def unblur(asked: Asked) -> Response:
    """Log why the original is wanted, and show it."""
    reason = asked.form.get("text", "")
    with asked.desk.database.changing() as connection:
        clips.find(connection, asked.clip)
        verdicts.remark(connection, asked.clip, asked.who.name, "unblur", reason, asked.desk.now())
    return RedirectResponse(f"/clips/{asked.clip}?original=1", 303)


def judge(asked: Asked) -> Response:
    """Give a verdict, and go on to the next clip."""
    with asked.desk.database.changing() as connection:
        row = clips.find(connection, asked.clip)
        interval = (
            _number(asked, "start_s", row["start_s"]),
            _number(asked, "end_s", row["end_s"]),
        )
        word, expected = asked.form.get("verdict", ""), int(_number(asked, "expected", 0))
        name, now = asked.who.name, asked.desk.now()
        verdicts.give(connection, asked.clip, name, word, interval, expected, now)
    return _back(asked, {"judged": asked.clip})


def undo(asked: Asked) -> Response:
    """Strike out the verdict, and show the clip again."""
    with asked.desk.database.changing() as connection:
        clips.find(connection, asked.clip)
        expected = int(_number(asked, "expected", 0))
        verdicts.undo(connection, asked.clip, asked.who, expected, asked.desk.now())
    return RedirectResponse(f"/clips/{asked.clip}", 303)


def _number(asked: Asked, name: str, default: float) -> float:
    try:
        return float(asked.form.get(name) or default)
    except ValueError:
        raise DeskError(f"{asked.form[name]!r} is no number; correct {name}") from None


def note(asked: Asked) -> Response:
    """Add a note."""
    return _remark(asked, "note")


def escalate(asked: Asked) -> Response:
    """Call for a lead: the clip is marked in the list."""
    return _remark(asked, "escalation")


def _remark(asked: Asked, kind: str) -> Response:
    text = asked.form.get("text", "")
    with asked.desk.database.changing() as connection:
        clips.find(connection, asked.clip)
        verdicts.remark(connection, asked.clip, asked.who.name, kind, text, asked.desk.now())
    return RedirectResponse(f"/clips/{asked.clip}", 303)


def mark_all_seen(asked: Asked) -> Response:
    """Remember that this person has seen all that is listed; no clip gets a verdict by it."""
    filters = Filters.read(asked.form)
    with asked.desk.database.changing() as connection:
        shown = _ids(connection, filters, asked.who.name)
        verdicts.see(connection, shown, asked.who.name, asked.desk.now())
        detail = {"clips": len(shown)}
        log.write(connection, asked.desk.now(), asked.who.name, "all seen", "", detail)
    return _back(asked, {})


def _ids(connection: Connection, filters: Filters, who: str) -> list[str]:
    return [row["id"] for row in clips.listed(connection, filters, who)]


def _back(asked: Asked, more: dict[str, str]) -> Response:
    """Go back to the list with the filters that it had."""
    filters = Filters.read(asked.form)
    kept = {name: value for name, value in vars(filters).items() if value}
    return RedirectResponse(f"/?{urlencode(kept | more)}", 303)


def show_missed(asked: Asked) -> Response:
    """Ask where and when a theft was missed."""
    return asked.draw("missed.html.j2", cameras=cameras_kept(asked.desk.live))


def report_missed(asked: Asked) -> Response:
    """Cut the time around a missed theft out of kept footage, to be looked at and judged."""
    desk, camera, around = asked.desk, asked.form.get("camera", ""), asked.desk.settings.clip_s
    try:
        written = datetime.fromisoformat(asked.form.get("at", ""))
        begin = written.replace(tzinfo=written.tzinfo or UTC).timestamp() - around
    except (ValueError, OverflowError):
        raise DeskError("write the time as 2026-11-30T14:05:00, in UTC") from None
    found = footage.pieces(desk.live, camera, begin, begin + 2 * around)
    if not found:
        raise DeskError(footage.kept_instead(desk.live, camera, begin + around))
    try:
        # Footage may begin later than that: the clip begins with it.
        first = max(begin, min((piece.begin for piece in found), default=begin))
        row = footage.cut_clip(desk.live, "missed", found, first, begin + 2 * around - first)
    except FootageError as error:
        raise DeskError(str(error)) from None
    with desk.database.changing() as connection:
        if connection.execute(select(CLIPS.c.id).where(CLIPS.c.id == row["id"])).first() is None:
            connection.execute(insert(CLIPS).values(row))
        log.write(connection, desk.now(), asked.who.name, "missed theft looked for", row["id"])
    return RedirectResponse(f"/clips/{row['id']}", 303)


PAGES = [
    Page("GET", "/missed", "guard", show_missed),
    Page("POST", "/missed", "guard", report_missed),
    Page("GET", "/", "guard", show_list),
    Page("GET", "/clips/{clip}", "guard", show_clip),
    Page("GET", "/clips/{clip}/film", "guard", send_film),
    Page("GET", "/clips/{clip}/poster", "guard", send_poster),
    Page("GET", "/clips/{clip}/original", "lead", send_original),
    Page("POST", "/clips/{clip}/unblur", "lead", unblur),
    Page("POST", "/clips/{clip}/verdict", "guard", judge),
    Page("POST", "/clips/{clip}/undo", "guard", undo),
    Page("POST", "/clips/{clip}/note", "guard", note),
    Page("POST", "/clips/{clip}/escalate", "guard", escalate),
    Page("POST", "/seen", "guard", mark_all_seen),
]
