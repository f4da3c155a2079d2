"""Empties the outbox: in order of each camera, again where a target fails, no alarm too late."""

import hashlib
import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path

from filelock import FileLock, Timeout

from aislewatch.delivery.outbox import Message, Outbox
from aislewatch.delivery.sending import Attempt, send
from aislewatch.delivery.targets import Delivery, Target
from aislewatch.errors import AislewatchError

log = logging.getLogger(__name__)

# Seconds from a failed attempt to the next: doubled each time, up to the most, and drawn between
# half and one and a half of that, so that what failed together does not come back together.
FIRST_WAIT_S = 1.0
MOST_WAIT_S = 60.0

# Seconds between two looks into the outbox: what a live alarm waits for at most.
LOOK_S = 0.2

# Alerts that one digest tells of at most: a chat cuts longer messages.
DIGEST_LENGTH = 50


@dataclass
class _Wait:
    """How often a camera's oldest message failed, and when it is tried again, monotonic."""

    failures: int = 0
    until_s: float = float("-inf")


class Deliverer:
    """Sends one target what waits for it.

    Of each camera only the oldest message is tried, so that a target hears of a camera in order;
    one that fails holds up its own camera and no other. Waits are kept in memory and on the
    monotonic clock: a clock that is set, or a new start, makes nobody wait.

    Args:
        outbox: that it empties.
        target: where to.
        ttl_s: seconds after its raising in which an alert is an alarm.
        now: seconds since 1970.
        monotonic: seconds of a clock that is never set.
    """

    def __init__(
        self,
        outbox: Outbox,
        target: Target,
        ttl_s: float,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox, self._target, self._ttl_s = outbox, target, ttl_s
        self._now, self._monotonic = now, monotonic
        self._waits: dict[str, _Wait] = {}
        # When each waiting message was met: a clock that is set back makes no alert fresh again.
        self._met_s: dict[int, float] = {}

    def step(self) -> int:
        """Try what is due once, a message or digest a camera; return how many were tried."""
        tried = 0
        waiting = self._outbox.waiting(self._target.name)
        began_s = self._monotonic()
        self._met_s = {one.number: self._met_s.get(one.number, began_s) for one in waiting}
        by_camera = sorted(waiting, key=lambda one: one.camera)
        for camera, messages in groupby(by_camera, lambda one: one.camera):
            wait = self._waits.setdefault(camera, _Wait())
            if self._monotonic() >= wait.until_s:
                self._try(camera, list(messages), wait)
                tried += 1
        return tried

    def _try(self, camera: str, messages: Sequence[Message], wait: _Wait) -> None:
        late = [*takewhile(self._is_late, messages)][:DIGEST_LENGTH]
        sending = late or messages[:1]
        outcome = self._digest(camera, late) if late else self._alarm(messages[0])
        if outcome.kind == "retry":
            wait.failures += 1
            wait.until_s = self._monotonic() + max(_back_off_s(wait.failures), outcome.wait_s)
            self._outbox.settle(sending, "waiting", outcome.why)
            log.warning("%s: not delivered (%s); trying again", self._target.name, outcome.why)
            return
        del self._waits[camera]
        if outcome.kind == "drop":
            self._outbox.settle(sending, "dropped", outcome.why)
            log.error(
                "%s refuses %s for good: %s",
                self._target.name,
                ", ".join(message.key for message in sending),
                outcome.why,
            )
        else:
            self._outbox.settle(sending, "late" if late else "sent")

    def _is_late(self, message: Message) -> bool:
        known_s = self._monotonic() - self._met_s[message.number]
        return max(self._now() - message.raised, known_s) > self._ttl_s

    def _alarm(self, message: Message) -> Attempt:
        alert = message.alert
        words = (
            f"{alert['camera']}: possible theft at {alert['begin']}\n"
            f"score {alert['score']:.2f}; look before you act ({alert['id']})"
        )
        return send(self._target, message.key, {"kind": "alarm", "alert": alert}, words)

    def _digest(self, camera: str, late: Sequence[Message]) -> Attempt:
        """Tell of alerts that came too late to act on; the key is that of these very alerts."""
        keys = [message.key for message in late]
        key = f"digest-{hashlib.sha256(' '.join(keys).encode()).hexdigest()[:16]}"
        body = {"kind": "digest", "camera": camera, "alerts": [one.alert for one in late]}
        lines = [f"{one.alert['begin']}, score {one.alert['score']:.2f}" for one in late]
        title = f"{camera}: {len(late)} alert(s) that could not be told in time; no alarm"
        return send(self._target, key, body, "\n".join([title, *lines]))


def deliver(live: Path, delivery: Delivery, stop: threading.Event, until_empty: bool) -> None:
    """Deliver what is and comes into the outbox of a live folder, a thread a target.

    Args:
        live: the live folder.
        delivery: what delivery.yaml says.
        stop: ends it; what is being sent is finished.
        until_empty: end when nothing waits any more.

    Raises:
        AislewatchError: another process delivers from there.
    """
    with _alone(live):
        outbox = Outbox(live)
        targets = [Deliverer(outbox, one, delivery.ttl_s) for one in delivery.targets]
        threads = [
            threading.Thread(target=_empty, args=(outbox, one, name.name, stop, until_empty))
            for one, name in zip(targets, delivery.targets, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _empty(
    outbox: Outbox, deliverer: Deliverer, target: str, stop: threading.Event, until_empty: bool
) -> None:
    while not stop.is_set():
        try:
            tried = deliverer.step()
            if until_empty and not outbox.waiting(target):
                return
        except sqlite3.Error as error:
            # A full disk, a stalled one: the alerts are there, and wait.
            log.error("%s: the outbox cannot be used (%s); trying again", target, error)
            tried = 0
        if not tried:
            stop.wait(LOOK_S)


@contextmanager
def _alone(live: Path) -> Iterator[None]:
    live.mkdir(parents=True, exist_ok=True)
    lock = FileLock(live / "delivery.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise AislewatchError(
            f"another process delivers from {live} already; alerts of all cameras go out by it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _back_off_s(failures: int) -> float:
    # 2^30 s is longer than anything; more would overflow one day.
    longest = min(MOST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures - 1, 30))
    return longest * random.uniform(0.5, 1.5)
