"""Prints what a person reads while something runs: our log lines, and progress of long work."""

import logging
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

log = logging.getLogger(__name__)

# Seconds between two lines in a log: often enough to see that it lives, seldom enough to read.
LOG_EVERY_S = 5.0


# Signs that reorder the text after them, with which a reason could show another one than it says.
REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# Packages whose INFO lines are meant for the person; a stage run with ``-m`` logs as ``__main__``.
OURS = ("aislewatch", "stages", "flows", "__main__")


def set_up_logging() -> None:
    """Print our INFO lines and everybody's warnings, each as its bare message, to stdout.

    What the terminal's encoding lacks is shown as its code instead of ending the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)


def plain_console(width: int | None = None) -> Console:
    """Make a console that prints text as it stands: ``[/]`` or ``:smile:`` in it mean nothing."""
    return Console(width=width, color_system=None, markup=False, emoji=False, highlight=False)


def one_line(text: str) -> str:
    """Make any text fit for one line of a terminal.

    Line breaks and what a terminal would obey become spaces, halves of characters ``�``.
    """
    kinds = ((char, unicodedata.category(char)) for char in text if char not in REORDERING)
    shown = "".join({"Cc": " ", "Cs": "\ufffd"}.get(kind, char) for char, kind in kinds)
    return " ".join(shown.split())


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to be told (items done, items in all) after every item.

    Args:
        what: the items' name in the plural, for example ``"files"``.
    """
    if not sys.stderr.isatty():
        yield _LogLines(what)
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _LogLines:
    def __init__(self, what: str) -> None:
        self._what = what
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if done == total or time.monotonic() - self._last >= LOG_EVERY_S:
            self._last = time.monotonic()
            log.info("%d of %d %s", done, total, self._what)
