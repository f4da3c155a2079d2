"""Tells MLflow's address, as it may be shown, and whether somebody answers there at once.

MLflow is not imported, so a dead server is told before seconds are spent on that.
"""

import http.client
import os
import re
import socket
import sqlite3
import ssl
import struct
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from aislewatch.errors import RegistryError
from aislewatch.recording.moved import follow

LOCAL_DATABASE = Path("mlflow.db")
VARIABLE = "MLFLOW_TRACKING_URI"
# With whose name and password MLflow's client comes to a server that asks for them.
LOGIN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")

# Seconds for a server's first answer. One on a busy machine takes under one; a person who waits for
# a dead one should know within 15, of which MLflow's import takes up to 7.
ANSWER_S = 5.0

# Longest part of another program's message that is shown, in characters: one is a whole HTML page.
MAX_WORDS = 300

# PostgreSQL's request for TLS: eight bytes that each of its servers answers with one.
_POSTGRES_HELLO = struct.pack("!ii", 8, 80877103)

_DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def tracking_uri() -> str:
    """Return ``MLFLOW_TRACKING_URI``, else the address of a SQLite file in the project's root."""
    return os.environ.get(VARIABLE) or f"sqlite:///{LOCAL_DATABASE.resolve()}"


def shown_uri() -> str:
    """Return the address as it may be printed: without password and query."""
    return without_password(tracking_uri().split("?")[0])


# A login in an address: up to the last @, for a password that was not quoted may hold one, or a
# slash. What looks like a port and a path is none.
_LOGINS = [
    re.compile(rf"(://[^/\s:@]*):(?!\d{{1,5}}(?:[/\s]|$)){of_password}+@")
    for of_password in (r"[^\s?#]", r"[^\s/]")
]
# What is named as a secret, in an address, an environment or JSON.
_NAMED = re.compile(
    r"(?i)([\w.-]*(?:password|passwd|passphrase|pwd|token|secret|api[_-]?key|access[_-]?key"
    r"|signature|credential)[\w.-]*(?:=|[\"']\s*:\s*)[\"']?)[^&\s\"',;]+"
)


def without_password(text: str) -> str:
    """Hide the tracking address' password wherever it stands, and that of any other address."""
    try:
        password = urlsplit(tracking_uri()).password
    except ValueError:
        password = None
    for secret in {password, unquote(password)} if password else ():
        text = text.replace(f":{secret}@", ":***@")
        # Alone too, unless so short that it would be found in any word.
        text = text.replace(secret, "***") if len(secret) > 3 else text
    for login in _LOGINS:
        text = login.sub(r"\1:***@", text)
    return _NAMED.sub(r"\1***", text)


def refusal(error: BaseException) -> RegistryError:
    """Say in one error of ours that MLflow cannot be used, why, and what to do."""
    said = " ".join(without_password(str(error)).split())
    if len(said) > MAX_WORDS:
        said = f"{said[:MAX_WORDS]}..."
    if "error code 401" in said:
        who = os.environ.get(LOGIN[0]) or urlsplit(tracking_uri()).username
        why = f"it refuses the login as {who}" if who else "it asks for a login, and none is set"
        advice = f"set {LOGIN[0]} and {LOGIN[1]} to an account of it"
    elif "error code 403" in said and "Permission denied" in said:
        why = f"the account {os.environ.get(LOGIN[0])} may not do this"
        advice = f"set {LOGIN[0]} and {LOGIN[1]} to one that may"
    elif "database is locked" in said or isinstance(error, TimeoutError):
        why, advice = said, "wait for whoever holds it, or end that"
    elif "disk is full" in said:
        why, advice = said.split("[SQL")[0].strip(), "free some space on its disk"
    elif "file is not a database" in said or "malformed" in said:
        why, advice = (
            said.split("[SQL")[0].strip(),
            f"put a copy in its place, or correct {VARIABLE}",
        )
    elif "readonly database" in said or "unable to open database" in said:
        why, advice = said.split("[SQL")[0].strip(), "make the file and its folder writable"
    else:
        why, advice = said or type(error).__name__, f"start it, or correct {VARIABLE}"
    return RegistryError(
        f"MLflow at {shown_uri()} cannot be used: {why}; {advice}, then run this again. Nothing is "
        "lost: what was not recorded yet is recorded by the next command"
    )


def database_file() -> Path | None:
    """Return the file of a SQLite store; None for any other store."""
    scheme, _, rest = tracking_uri().partition(":///")
    path = unquote(rest.split("?")[0])
    return Path(path).resolve() if scheme.split("+")[0] == "sqlite" and path else None


def check_store() -> None:
    """Make sure that the store answers, and that a moved SQLite file knows where it is.

    Raises:
        RegistryError: nobody answers, or the file is locked or damaged; told within 8 s.
    """
    database = database_file()
    if database is None:
        _check_server()
    elif database.exists():
        try:
            follow(database)
        except (sqlite3.Error, OSError) as error:
            raise refusal(error) from None


def _check_server() -> None:
    failures: list[Exception] = []

    def ask() -> None:
        try:
            _ask(urlsplit(tracking_uri()))
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(error)

    # In a thread: a socket's limit covers neither the name's look-up nor an answer that trickles,
    # so it is there only to end the thread.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    if asking.is_alive():
        failures.append(ConnectionError(f"it gives no answer in {ANSWER_S:.0f} s"))
    if failures:
        raise refusal(failures[0])


def _ask(address: SplitResult) -> None:
    if address.scheme in ("http", "https"):
        _ask_http(address)
    elif address.hostname:
        port = address.port or _DEFAULT_PORTS.get(address.scheme.split("+")[0])
        if port:
            with socket.create_connection((address.hostname, port), 2 * ANSWER_S) as server:
                if address.scheme.startswith("postgres"):
                    server.sendall(_POSTGRES_HELLO)
                    server.recv(1)


def _ask_http(address: SplitResult) -> None:
    host = address.netloc.rpartition("@")[2]
    url = address._replace(netloc=host, path=f"{address.path.rstrip('/')}/health", query="")
    # Somebody is there who refuses: whether it is MLflow, and lets us in, its client finds out.
    try:
        with urllib.request.urlopen(url.geturl(), timeout=2 * ANSWER_S) as answer:
            # MLflow says OK in text.
            if answer.headers.get_content_type() == "text/html":
                raise ConnectionError("it answers with a web page, as a proxy or a login does")
    except urllib.error.HTTPError as error:
        if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ConnectionError(f"it answers with HTTP error {error.code}") from None
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLError):
            raise
