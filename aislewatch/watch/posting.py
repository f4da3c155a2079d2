"""Puts alerts into the outbox, and holds them while nothing can be written there."""

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aislewatch.delivery.outbox import Outbox
from aislewatch.errors import DeliveryError

log = logging.getLogger(__name__)

# Seconds between two tries: a full disk is tried for microseconds.
RETRY_S = 1.0


class Posting:
    """Gives alerts to the outbox in their order; a full disk ends no watching, and loses none.

    Args:
        live: the folder of what is kept.
        targets: names of those who are told.

    Raises:
        DeliveryError: the outbox cannot be opened.
    """

    def __init__(self, live: Path, targets: Sequence[str]) -> None:
        self._outbox, self._targets = Outbox(live), targets
        self._held: deque[Mapping[str, Any]] = deque()
        self._tried_s = 0.0

    def put(self, alert: Mapping[str, Any]) -> None:
        """Take an alert; it is on disk when this returns, or held until it can be."""
        self._held.append(alert)
        # Behind one that waits it waits, too: a camera's alerts are told in their order.
        if len(self._held) == 1:
            self._empty()

    def look(self) -> None:
        """Try again what is held; called often."""
        if self._held and time.monotonic() - self._tried_s >= RETRY_S:
            self._empty(told=True)

    def close(self) -> None:
        """Try for the last time, and name what was not told to anybody."""
        self._empty(told=True)
        for alert in self._held:
            log.error("%s: nobody was told of the alert %s", alert["camera"], alert["id"])

    def _empty(self, told: bool = False) -> None:
        self._tried_s, count = time.monotonic(), len(self._held)
        try:
            while self._held:
                self._outbox.put(self._held[0], self._targets)
                self._held.popleft()
        except DeliveryError as error:
            if not told:
                log.warning("alerts are held, and tried again every second: %s", error)
            return
        if told and count:
            log.info("%d alert(s) that were held are in the outbox now", count)
