"""Puts the desk together and serves it."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from aislewatch.config.desk import Reviewing
from aislewatch.desk import entrance, evidence, keeping, live, managing, reviewing
from aislewatch.desk.database import Database, address_of
from aislewatch.desk.drawing import draw as draw_page
from aislewatch.desk.guarding import HEADERS, Desk, SecurityHeaders, guarded
from aislewatch.desk.numbers import DAY_S
from aislewatch.desk.samples import draw
from aislewatch.errors import DeskError

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"

# Seconds between two looks at the evidence folders.
LOOK_S = 0.5

# Seconds between two looks at what was kept long enough: of a shop's footage, thousands of files.
CLEAN_S = 60.0

# Seconds that open answers get when the server ends; streams end within half of one.
CLOSING_S = 2

PAGES = [*entrance.PAGES, *reviewing.PAGES, *managing.PAGES, *live.PAGES]


def build(desk: Desk) -> Starlette:
    """Return the desk as an application; it also takes in new evidence while it runs."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_tend(desk))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    routes = [Route(page.path, guarded(desk, page), methods=[page.method]) for page in PAGES]
    return Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: _say_what, Exception: _say_sorry},
        lifespan=lifespan,
    )


async def _say_what(_: Request, error: Exception) -> Response:
    """Answer to what is no page, or no page's way to be asked."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return draw_page("message.html.j2", status, visitor=None, message="There is no such page.")


async def _say_sorry(_: Request, __: Exception) -> Response:
    """Answer where a page failed; the server's log has why."""
    message = "The desk failed at this page. Try again; if it stays so, show the desk's log to IT."
    answer = draw_page("message.html.j2", 500, visitor=None, message=message)
    # It is made outside of all middleware.
    answer.headers.update(HEADERS)
    return answer


async def _tend(desk: Desk) -> None:
    drawn, cleaned = 0.0, float("-inf")
    while True:
        try:
            await run_in_threadpool(take_in, desk)
            if time.monotonic() - cleaned >= CLEAN_S:
                await run_in_threadpool(clean, desk)
                cleaned = time.monotonic()
            yesterday = (desk.now() // DAY_S - 1) * DAY_S
            if yesterday != drawn:
                await run_in_threadpool(draw, desk, yesterday)
                drawn = yesterday
        except Exception:
            # The desk stays open: what went wrong may pass, as a full disk does.
            log.exception("new evidence could not be taken in; trying again")
        await asyncio.sleep(LOOK_S)


def take_in(desk: Desk) -> None:
    """Take in new evidence."""
    with desk.database.reading() as connection:
        waiting = evidence.new_folders(connection, desk.live)
    if waiting:
        with desk.database.changing() as connection:
            evidence.take_in(connection, desk.live, desk.now())


def clean(desk: Desk) -> None:
    """Delete what was kept long enough."""
    keep_s = desk.settings.keep_h * 3600
    most_bytes = desk.settings.footage_bytes
    keeping.delete_unjudged(desk.database, desk.live, keep_s, most_bytes, desk.now())


def serve(folder: Path, settings: Reviewing, host: str, port: int) -> None:
    """Serve the desk of a live folder until the process is ended; say where once it answers.

    Raises:
        DeskError: its database does not open, or the port is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    desk = Desk(Database(address_of(folder)), folder, settings)
    config = uvicorn.Config(
        build(desk),
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=CLOSING_S,
    )
    with _listen(host, port) as listening:
        print(f"the desk is at http://{host}:{port}", flush=True)
        _Server(config, desk).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # From here on a browser waits for the answer, and is not refused.
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise DeskError(
            f"the desk cannot answer at {host}:{port} ({error.strerror}); is another desk running? "
            "Choose another with --port or --host"
        ) from None


class _Server(uvicorn.Server):
    """Ends open streams first when it is asked to end: it would wait for them."""

    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self._desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take Ctrl-C or a request to end."""
        self._desk.closing.set()
        super().handle_exit(sig, frame)
