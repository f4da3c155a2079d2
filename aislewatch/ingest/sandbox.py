"""Runs a fresh, limited process for every video: what breaks there is a verdict, no crash here.

Parent and supervisor exchange JSON lines; the child answers by a JSON file in its scratch folder.
Nothing that a child wrote is unpickled.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.ingest.remedies import CRASHED, MORE_TIME
from aislewatch.ingest.supervisor import ANSWER, NO_ANSWER, SandboxLimits

# Bytes of an answer that are read; a real one has about 300.
ANSWER_BYTES = 1 << 16

# The supervisor forks, which is safe only while it has one thread: Python warns of more from 3.12
# on, and they count against the address space of every child. BLAS would start some, and Arrow's
# jemalloc one that returns memory.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


class Sandbox:
    """Runs jobs in limited children, one at a time; use one a thread.

    Args:
        target: ``module:function``, called in the child with the request; returns what ``run``
            returns, or raises QuarantinedError.
        limits: of each child.
    """

    def __init__(self, target: str, limits: SandboxLimits) -> None:
        self._limits = limits
        self._supervisor = subprocess.Popen(
            [sys.executable, "-m", "aislewatch.ingest.supervisor", target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": os.pathsep.join(sys.path), **ONE_THREAD},
            # A Ctrl-C is for the parent, which closes the pipe.
            start_new_session=True,
        )

    def run(
        self, request: dict[str, Any], scratch: Path, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Do one job in the folder ``scratch``, which must exist.

        Args:
            request: of the job.
            scratch: in which it works.
            timeout_s: seconds that it may take; None: as ``limits`` say.

        Raises:
            QuarantinedError: the job refused the video, crashed, or went over a limit.
            FootageError: the job met something that is not the video's fault.
        """
        limits = self._limits if timeout_s is None else replace(self._limits, timeout_s=timeout_s)
        job = {"request": request, "scratch": str(scratch), "limits": asdict(limits)}
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        try:
            self._supervisor.stdin.write(json.dumps(job).encode() + b"\n")
            self._supervisor.stdin.flush()
            line = self._supervisor.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise FootageError(
                "the process that supervises decoding ended unexpectedly; if the machine ran out "
                "of memory, lower machine.ingest_workers; what was decoded is kept, so run it again"
            )
        return self._verdict(json.loads(line)["exit"], scratch, limits.timeout_s)

    def close(self) -> None:
        """End the supervisor, and with it any child."""
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        with suppress(BrokenPipeError):  # It may have died with a job unread.
            self._supervisor.stdin.close()
        self._supervisor.wait()
        self._supervisor.stdout.close()

    def _verdict(self, status: int | None, scratch: Path, timeout_s: float) -> dict[str, Any]:
        if status is None:
            words = f"decoding took longer than {timeout_s:g} s"
            raise QuarantinedError("timeout", words, MORE_TIME)
        if status == -signal.SIGXCPU:
            raise QuarantinedError("timeout", "decoding used up its processor time", MORE_TIME)
        if status == NO_ANSWER:
            raise FootageError(
                f"cannot write into {scratch.parent}: if its disk is full, free some space; what "
                "was decoded is kept, so run it again"
            )
        if status != 0:
            words = f"the decoder ended by {describe_exit(status)}"
            raise QuarantinedError("crashed", words, CRASHED)
        with (scratch / ANSWER).open("rb") as file:
            answer: dict[str, Any] = json.loads(file.read(ANSWER_BYTES))
        if "reason" in answer:
            raise QuarantinedError(answer["reason"], answer["detail"], answer["remedy"])
        if "error" in answer:
            raise FootageError(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result


def describe_exit(status: int) -> str:
    """Describe subprocess's exit status: ``signal SIGSEGV`` or ``exit status 3``."""
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
