"""Sends one message to one target, and says whether to try again."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from aislewatch.delivery.targets import Target

# Seconds a target has to answer: a guard waits, and others wait behind it.
TIMEOUT_S = 10.0

# Answers below 500 that say "not now" (RFC 9110, 8470, 6585): time-out, too early, too many.
NOT_NOW = {408, 425, 429}

# They log the addresses that they call, which may hold passwords and tokens.
CHATTY = ("apprise", "httpcore", "httpx", "urllib3")

# Seconds that an answer's Retry-After may ask for at most.
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True)
class Attempt:
    """What became of an attempt; ``why`` says nothing of the address.

    ``wait_s`` is how long the target asked to be left alone; 0 where it did not say.
    """

    kind: Literal["sent", "retry", "drop"]
    why: str = ""
    wait_s: float = 0.0


def send(target: Target, key: str, body: Mapping[str, Any], words: str) -> Attempt:
    """Send a message once.

    Args:
        target: where to.
        key: the same whenever the same is sent again, so that it can be told that it is.
        body: JSON for machines.
        words: a title and, below it, lines for people.
    """
    senders: dict[str, Callable[[Target, str, Mapping[str, Any], str], Attempt]] = {
        "webhook": _webhook,
        "mqtt": _mqtt,
        "apprise": _apprise,
    }
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return senders[target.kind](target, key, body, words)
    except Exception as error:
        # Three libraries and the network: whatever fails, the alert is not lost by it. Its text is
        # left out, for it may hold the address.
        return Attempt("retry", type(error).__name__)


def _webhook(target: Target, key: str, body: Mapping[str, Any], words: str) -> Attempt:
    import httpx

    headers = {"Idempotency-Key": key}
    answer = httpx.post(target.address, json=body, headers=headers, timeout=TIMEOUT_S)
    if answer.is_success:
        return Attempt("sent")
    why = f"it answered {answer.status_code} {answer.reason_phrase}".strip()
    if answer.status_code >= 500 or answer.status_code in NOT_NOW:
        return Attempt("retry", why, _asked_wait(answer.headers.get("Retry-After", "")))
    return Attempt("drop", why)


def _asked_wait(text: str) -> float:
    return min(float(text), LONGEST_WAIT_S) if text.isdecimal() else 0.0


def _mqtt(target: Target, key: str, body: Mapping[str, Any], words: str) -> Attempt:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    parts = urlsplit(target.address)
    is_tls = parts.scheme == "mqtts"
    answers: Queue[str] = Queue()
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect_timeout = TIMEOUT_S
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.put(
        str(reason) if reason.is_failure else ""
    )
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if is_tls:
        client.tls_set()
    client.connect(str(parts.hostname), parts.port or (8883 if is_tls else 1883))
    client.loop_start()
    try:
        if refusal := answers.get(timeout=TIMEOUT_S):
            return Attempt("retry", f"the broker says: {refusal}")
        # Quality of service 1: the broker says that it has it, and may get it twice.
        topic = unquote(parts.path.strip("/"))
        sent = client.publish(topic, json.dumps({**body, "key": key}), qos=1)
        sent.wait_for_publish(TIMEOUT_S)
        return Attempt("sent") if sent.is_published() else Attempt("retry", "no answer")
    except Empty:
        return Attempt("retry", "no answer")
    finally:
        client.disconnect()
        client.loop_stop()


def _apprise(target: Target, key: str, body: Mapping[str, Any], words: str) -> Attempt:
    import apprise

    service = apprise.Apprise()
    if not service.add(target.address):
        return Attempt("drop", "apprise knows no such address")
    title, _, lines = words.partition("\n")
    if service.notify(title=title, body=lines or title):
        return Attempt("sent")
    # It does not say why: what can never succeed is told in digests until somebody looks.
    return Attempt("retry", "apprise could not send it")
