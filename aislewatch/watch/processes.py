"""Starts the processes that read cameras and write evidence: forked from one that has the imports.

A fresh interpreter with PyAV takes a second and 100 MB of its own; a fork 10 ms, and it shares.
"""

import multiprocessing
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["aislewatch.watch.reader", "aislewatch.watch.footage_file"])
_ALONE = threading.Lock()


def pipe() -> tuple[Connection, Connection]:
    """Return the ends of a pipe: one to listen at, one to send by."""
    return _CONTEXT.Pipe(duplex=False)


def start(target: Callable[..., object], *arguments: Any) -> BaseProcess:
    """Start a process that calls ``target``; it ends with this one."""
    process = _CONTEXT.Process(target=target, args=arguments, daemon=True)
    main: Any = sys.modules["__main__"]
    with _ALONE:
        known = main.__spec__, getattr(main, "__file__", None)
        # Each process would import the program again that was started: torch, 8 s and 160 MB.
        main.__spec__, main.__file__ = None, None
        try:
            process.start()
        finally:
            main.__spec__, main.__file__ = known
    return process
