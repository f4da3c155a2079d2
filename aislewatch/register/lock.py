"""Lets one change of a registered model happen at a time, whichever command makes it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aislewatch.recording.client import sole_user

log = logging.getLogger(__name__)


@contextmanager
def sole_change(name: str) -> Iterator[None]:
    """Hold a registered model alone; wait, and say so, while another process does.

    MLflow has no compare-and-set. Without this, two experiments that register at once are both
    compared with the same champion, and the second writes its entry of the audit over the first.
    """
    with sole_user(
        f"registered model {name}",
        lambda: log.info("another process changes the registered model %s: waiting for it", name),
    ):
        yield
