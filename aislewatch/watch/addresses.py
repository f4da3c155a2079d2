"""Hides what is secret in a camera's address, wherever it would be shown."""

import re
from urllib.parse import unquote, urlsplit

HIDDEN = "***"

# Some cameras take user and password as a part of the path: /user=admin_password=x_channel=1.
_SECRET_PATH = re.compile(r"(?i)(user|pass|pwd|token|auth|key|secret)[a-z]*=")

_VALUE = re.compile(r"=([^=&;/]+)")

# Shortest secret that is looked for by itself: a shorter one stands in any word.
_SHORTEST = 4


def is_file(address: str) -> bool:
    """Say whether an address is the path of a file, not of a network's stream."""
    return "://" not in address


def shown(address: str) -> str:
    """Return an address without user, password and query, to be printed, logged and kept."""
    if is_file(address):
        return address
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return HIDDEN
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    path = f"/{HIDDEN}" if _SECRET_PATH.search(unquote(parts.path)) else parts.path
    query = f"?{HIDDEN}" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{path}{query}"


def without_secrets(text: str, address: str) -> str:
    """Replace an address inside a text by what may be shown, and each of its secrets by ``***``."""
    text = text.replace(address, shown(address))
    if is_file(address):
        return text
    parts = urlsplit(address)
    user_info = parts.netloc.rpartition("@")[0]
    path = parts.path if _SECRET_PATH.search(unquote(parts.path)) else ""
    values = _VALUE.findall(f"{parts.query}&{path}")
    secrets = [user_info, *user_info.split(":"), parts.query, path.strip("/"), *values]
    secrets += [value.partition("_")[0] for value in values]
    # The longest first: a secret may stand inside another.
    for secret in sorted({*secrets, *map(unquote, secrets)}, key=len, reverse=True):
        text = text.replace(f":{secret}@", f":{HIDDEN}@") if secret else text
        text = text.replace(secret, HIDDEN) if len(secret) >= _SHORTEST else text
    return text
