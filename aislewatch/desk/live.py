"""Tells open pages of new alerts, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from aislewatch.desk import clips
from aislewatch.desk.evidence import told
from aislewatch.desk.guarding import COOKIE, Asked, Page
from aislewatch.desk.people import visitor_of

# Seconds between two looks at the table: a guard does not see the difference to at once.
LOOK_S = 0.5

# Seconds after which a silent stream says that it lives: proxies close one at 30 to 60.
ALIVE_S = 15.0


def stream(asked: Asked) -> Response:
    """Send every alert that comes after the page's last one, for as long as the session lasts."""
    # After a break the browser says which it had last.
    last = asked.request.headers.get("last-event-id", asked.request.query_params.get("after", ""))
    number = int(last) if last.isdecimal() else 0
    return StreamingResponse(_events(asked, number), media_type="text/event-stream")


async def _events(asked: Asked, number: int) -> AsyncIterator[str]:
    silent = 0.0
    yield "retry: 1000\n\n"
    while not asked.desk.closing.is_set():
        rows = await run_in_threadpool(_new, asked, number)
        if rows is None:
            return
        for row in rows:
            number = row["number"]
            shown = {key: row[key] for key in ("id", "camera", "score")}
            data = json.dumps(shown | {"raised": told(row["raised"], "%Y-%m-%d %H:%M:%S")})
            yield f"id: {number}\nevent: alert\ndata: {data}\n\n"
        silent = 0.0 if rows else silent + LOOK_S
        if silent >= ALIVE_S:
            silent = 0.0
            yield ": alive\n\n"
        await asyncio.sleep(LOOK_S)


def _new(asked: Asked, number: int) -> list[dict[str, Any]] | None:
    """List what came since; None when the session has ended."""
    with asked.desk.database.reading() as connection:
        token = asked.request.cookies.get(COOKIE, "")
        if visitor_of(connection, token, asked.desk.now()) is None:
            return None
        return clips.came_after(connection, number)


PAGES = [Page("GET", "/events", "guard", stream)]
