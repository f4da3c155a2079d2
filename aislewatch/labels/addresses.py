"""Tells which paths an address may mean: a URL, a presigned one, or one of Label Studio's."""

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote, unquote_plus

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*/*")

# How Label Studio serves a file: of a local storage, an upload, or one behind its proxy.
_SERVED = re.compile(r"local-files/?\?(?:.*?&)?d=(.+)|[?&]filepath=(.+)", re.DOTALL)
_PROXIED = re.compile(r"[?&]fileuri=([A-Za-z0-9+/_%-]+=*)")

# "%25" is a "%" that was encoded: labels that went through two tools are encoded twice.
_TIMES_ENCODED = 2


def paths_of(written: str) -> Iterator[str]:
    """Yield the paths that a name or an address may mean, the most exact first.

    A name may hold "+", "#", "%" and "?", which mean something in an address: so each is tried as
    it stands before it is read as such.
    """
    yield written
    if proxied := _PROXIED.search(written):
        yield from _of_proxy(unquote(proxied[1]))
    if served := _SERVED.search(written):
        value = served[1] or served[2]
        for path in (value, value.split("&")[0]):
            yield from _decoded(path, in_query=True)
        return
    scheme = _SCHEME.match(written)
    rest = written[scheme.end() :] if scheme else written
    yield from _decoded(rest)
    path, question, _ = rest.partition("?")
    if question and (scheme or PurePosixPath(path).suffix):
        yield from _decoded(path)
    path, _, fragment = path.partition("#")
    # What stands before the "#" in "cam#1/a.mp4" is no name of a video.
    if fragment and "/" not in fragment and PurePosixPath(path).suffix:
        yield from _decoded(path)


def ends_of(path: str) -> Iterator[str]:
    """Yield a path, and what is left of it without its first folder, and so on to its name."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    yield from ("/".join(parts[start:]) for start in range(len(parts)))


def _decoded(path: str, in_query: bool = False) -> Iterator[str]:
    yield path
    for _ in range(_TIMES_ENCODED):
        path = unquote(path)
        yield path
    if in_query and "+" in path and " " not in path:
        yield unquote_plus(path)


def _of_proxy(text: str) -> Iterator[str]:
    """Yield the paths of an address that is encoded in base 64."""
    try:
        address = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_").decode()
    except (binascii.Error, UnicodeDecodeError):
        return
    if not _PROXIED.search(address):
        yield from paths_of(address)
