"""Stands before every page: session, role, forgery token, size of a form, headers of an answer."""

import hmac
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aislewatch.config.desk import Reviewing
from aislewatch.desk.clips import NoClipError
from aislewatch.desk.database import Database
from aislewatch.desk.drawing import draw
from aislewatch.desk.evidence import NAME
from aislewatch.desk.people import Visitor, visitor_of
from aislewatch.desk.verdicts import OvertakenError
from aislewatch.errors import DeskError

COOKIE = "desk"

# Bytes of a form: a remark of 2,000 characters of four bytes, each written as %XX.
LONGEST_FORM = 64 * 1024

# Nothing from elsewhere, no code or style inside a page, and no page inside another.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Footage of people stays in no cache of a shared computer.
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Desk:
    """Holds what every page needs.

    Args:
        database: the desk's tables.
        live: folder of evidence and kept footage.
        settings: section ``desk`` of params.yaml.
        now: tells the time, in seconds since 1970.
        closing: set when the server is asked to end, so that open streams do.
    """

    database: Database
    live: Path
    settings: Reviewing
    now: Callable[[], float] = time.time
    closing: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Asked:
    """Holds one request: who asks (None: nobody known), the address and the form."""

    desk: Desk
    visitor: Visitor | None
    request: Request
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def who(self) -> Visitor:
        """Return the user; pages with a role are only asked by one."""
        assert self.visitor is not None
        return self.visitor

    @property
    def clip(self) -> str:
        """Return the clip that the address names.

        Raises:
            NoClipError: none can be called so.
        """
        clip = str(self.request.path_params["clip"])
        if not NAME.fullmatch(clip):
            raise NoClipError(f"there is no clip {clip!r}")
        return clip

    def draw(self, template: str, status: int = 200, **values: object) -> Response:
        """Draw a page for who asks."""
        return draw(template, status, visitor=self.visitor, **values)


@dataclass(frozen=True)
class Page:
    """States one address of the desk.

    Args:
        method: GET or POST.
        path: as Starlette writes it.
        role: the least role that may ask; None: anybody.
        run: answers; in a thread of its own.
    """

    method: str
    path: str
    role: str | None
    run: Callable[[Asked], Response]


def guarded(desk: Desk, page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a page: it answers only who may ask, and forms only of our pages."""

    async def endpoint(request: Request) -> Response:
        form: dict[str, str] = {}
        if page.method == "POST":
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > LONGEST_FORM:
                    return draw(
                        "message.html.j2", 413, visitor=None, message="The form is too long."
                    )
            read = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
            # No database takes a zero byte in a text.
            form = {name: values[-1].replace("\0", "") for name, values in read.items()}
        return await run_in_threadpool(_answer, desk, page, request, form)

    return endpoint


def _answer(desk: Desk, page: Page, request: Request, form: Mapping[str, str]) -> Response:
    with desk.database.reading() as connection:
        visitor = visitor_of(connection, request.cookies.get(COOKIE, ""), desk.now())
    asked = Asked(desk, visitor, request, form)
    refused = _refusal(page, asked)
    if refused is not None:
        return refused
    try:
        return page.run(asked)
    except NoClipError as error:
        return asked.draw("message.html.j2", 404, message=str(error))
    except OvertakenError as error:
        return asked.draw("message.html.j2", 409, message=str(error))
    except DeskError as error:
        return asked.draw("message.html.j2", 400, message=str(error))


def _refusal(page: Page, asked: Asked) -> Response | None:
    """Return the answer to who may not ask; None to who may."""
    request, visitor = asked.request, asked.visitor
    if "\0" in unquote(str(request.url)):
        return asked.draw("message.html.j2", 400, message="There is no such page.")
    if page.role is not None and visitor is None:
        if page.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
        return asked.draw("message.html.j2", 401, message="Log in first.")
    if page.role is not None and not asked.who.may(page.role):
        return asked.draw("message.html.j2", 403, message=f"This is for the role {page.role}.")
    if page.method == "POST":
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return asked.draw("message.html.j2", 403, message="The form is not from this page.")
        token = asked.form.get("csrf", "")
        if visitor is not None and not hmac.compare_digest(token.encode(), visitor.csrf.encode()):
            message = "The form is of another session; load the page again."
            return asked.draw("message.html.j2", 403, message=message)
    return None


class SecurityHeaders:
    """Adds the headers to every answer, also to errors and files."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)
