"""The program that forks a limited child for every job, waits for it and kills what it leaves.

It imports what the jobs need once. It is single-threaded, so forking is safe, and a child costs
10 ms where a fresh interpreter with PyAV costs 300 ms. It ends when its standard input does: a
killed pipeline leaves no decoder behind.
"""

import importlib
import json
import math
import os
import resource
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.ingest.remedies import CRASHED, MORE_MEMORY

# The child's answer, a file in its scratch folder.
ANSWER = "answer.json"

# Exit status of a child that could not even leave an answer: the disk is full, or worse.
NO_ANSWER = 3

# Open files a child may have: ffmpeg needs about 10.
OPEN_FILES = 64

Job = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class SandboxLimits:
    """What a child may use: wall-clock and CPU seconds, MiB of address space, bytes a file."""

    timeout_s: float
    memory_mib: int
    file_bytes: int


def supervise(target: str) -> None:
    """Serve jobs from standard input until it ends."""
    module, _, function = target.partition(":")
    work: Job = getattr(importlib.import_module(module), function)
    for line in iter(sys.stdin.buffer.readline, b""):
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(work, job["request"], job["scratch"], SandboxLimits(**job["limits"]))
        exit_status = _wait(pid, job["limits"]["timeout_s"])
        sys.stdout.buffer.write(json.dumps({"exit": exit_status}).encode() + b"\n")
        sys.stdout.buffer.flush()


def _wait(pid: int, timeout_s: float) -> int | None:
    """Wait for a child, then kill what is left of its group; None when time ran out.

    Input that becomes readable meanwhile has ended: the parent died, and so does the supervisor.
    """
    handle = os.pidfd_open(pid)
    ready, _, _ = select.select([handle, sys.stdin.buffer], [], [], timeout_s)
    os.close(handle)
    for kill in (os.killpg, os.kill):  # The child may not have made its group yet.
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    _, status = os.waitpid(pid, 0)
    if sys.stdin.buffer in ready:
        sys.exit(0)
    return os.waitstatus_to_exitcode(status) if ready else None


def _child(work: Job, request: dict[str, Any], scratch: str, limits: SandboxLimits) -> NoReturn:
    """Give up what a decoder does not need, do the job, leave the answer; never returns."""
    status = 1
    try:
        os.setsid()
        os.chdir(scratch)
        os.environ.clear()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        _limit(limits)
        Path(ANSWER).write_text(json.dumps(_answer(work, request)))
        status = 0
    except OSError:
        status = NO_ANSWER
    finally:
        # Not sys.exit: the supervisor's own stack and buffers must not be unwound twice.
        os._exit(status)


def _answer(work: Job, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": work(request)}
    except QuarantinedError as error:
        return {"reason": error.reason, "detail": error.detail, "remedy": error.remedy}
    except FootageError as error:
        return {"error": str(error)}
    except MemoryError:
        words = "decoding needs more memory than allowed"
        return {"reason": "memory-limit", "detail": words, "remedy": MORE_MEMORY}
    except OSError as error:
        return {"error": f"decoding cannot go on: {error}; see to the disk, and run it again"}
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        return {"reason": "crashed", "detail": words, "remedy": CRASHED}


def _limit(limits: SandboxLimits) -> None:
    # The interpreter and its libraries are there already; the allowance is for decoding.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + limits.memory_mib * (1 << 20)
    seconds = math.ceil(limits.timeout_s)
    for what, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, memory, memory),
    ):
        resource.setrlimit(what, (soft, hard))


if __name__ == "__main__":
    supervise(sys.argv[1])
