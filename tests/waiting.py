"""Waits for what other threads and processes do."""

import time
from collections.abc import Callable


def wait_for(what: Callable[[], object], seconds: float = 300.0) -> float:
    """Wait until something is true; return the seconds that took.

    Raises:
        AssertionError: it never came true.
    """
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, "it never came true"
        time.sleep(0.02)
    return time.monotonic() - begun
