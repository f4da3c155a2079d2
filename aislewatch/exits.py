"""Ends a command of ours that met an error: one line, and status 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aislewatch.console import set_up_logging
from aislewatch.disk import told_full, told_refused
from aislewatch.errors import AislewatchError


@contextmanager
def plain_errors(speaker: str) -> Iterator[None]:
    """Log to the terminal; end in status 1 and one message at an error of ours or the system's.

    Any other error is a fault of the code and passes with its traceback.

    Args:
        speaker: stands before the message: the command, stage or worker that speaks.

    Raises:
        SystemExit: holds the message, which Python prints to stderr.
    """
    set_up_logging()
    try:
        yield
    except Exception as error:
        ours = error if isinstance(error, AislewatchError) else None
        ours = ours or told_full(error) or told_refused(error)
        if ours is None:
            raise
        sys.exit(f"{speaker}: {ours}")
