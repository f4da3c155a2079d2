"""One DVC command as a child of the flow: its lines as they come, its outcome, its own words."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aislewatch.alive import still_runs
from aislewatch.errors import PipelineError
from aislewatch.tables import places
from aislewatch.tracking.execution import EXECUTION_VARIABLE

Outcome = Literal["ran", "restored", "unchanged"]

# Relative to the project's root, so that every flow and worker of one project shares it.
LOCK = places.WORK / "dvc.lock"

# Lines of a failed stage kept as its words: an error of ours is one to five lines, and the end of
# a traceback that helps is not longer. The task's log has them all.
WORDS_LINES = 20

# Seconds between two looks whether a dvc command that holds the project has ended.
BUSY_POLL_S = 0.5

# What DVC 3.67 says; tests run the real DVC, so another wording fails there.
_UNCHANGED = re.compile(r"Stage '.*' didn't change, skipping$")
_RESTORED = re.compile(r"Stage '.*' is cached - skipping run, checking out outputs$")
_STARTED = re.compile(r"Running stage '.*':$")
_BUSY = re.compile(r"ERROR: .*(is busy, it is being blocked by:|Unable to acquire lock)")
_BLOCKER = re.compile(r"\s*\(PID (\d+)\): ")
_DVC_FRAME = re.compile(r"ERROR: failed to reproduce '.*': failed to run: ")
_EXITED = re.compile(r"ERROR: failed to reproduce '.*': failed to run: .*, exited with (-?\d+)$")


class StageKilledError(PipelineError):
    """Says that a signal ended a stage, or the command that ran it: the run is Crashed by it."""


@dataclass(frozen=True)
class StageReport:
    """What became of one stage.

    Args:
        outcome: ``ran``; ``restored`` from DVC's run cache; ``unchanged`` since the last time.
        seconds: wall time, DVC's own start of about two seconds included.
    """

    address: str
    outcome: Outcome
    seconds: float


def reproduce(address: str, execution: Path, say: Callable[[str], None]) -> StageReport:
    """Bring one stage up to date, in the project that is the working directory.

    A ``dvc`` command that somebody typed before it goes first: DVC itself would fail this one.

    Args:
        address: the stage as DVC names it.
        execution: folder of the pipeline execution that the stage's journal belongs to.
        say: gets every line of output as it comes.

    Raises:
        StageKilledError: a signal ended the stage or its dvc command; the message names both.
        PipelineError: the stage failed; the message is the end of its own output.
    """
    started = time.monotonic()
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", address]
    while True:
        done = _run(command, execution, say)
        if done.status == 0:
            return StageReport(address, done.outcome, time.monotonic() - started)
        if done.has_started or not any(map(_BUSY.match, done.lines)):
            if killer := signal_of(done.stage_status) or signal_of(done.status):
                raise StageKilledError(f"{address} was killed by {killer}")
            raise PipelineError(f"{address} failed:\n{_words(done.lines, done.status)}")
        blockers = [int(found[1]) for line in done.lines if (found := _BLOCKER.match(line))]
        say(f"waiting for the dvc command that was there before ({address} goes on by itself)")
        _wait_for(blockers)


def signal_of(status: int) -> str | None:
    """Name the signal that ended a process, by its status, or by that of a shell that ran it."""
    number = -status if status < 0 else status - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


@dataclass
class _Done:
    """What one DVC command said, and how it and its stage ended."""

    status: int = 0
    stage_status: int = 0
    outcome: Outcome = "ran"
    has_started: bool = False
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=WORDS_LINES))


def _run(command: list[str], execution: Path, say: Callable[[str], None]) -> _Done:
    done = _Done()
    with _guarded(command, execution) as process:
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                line = raw.rstrip()
                if line:
                    say(line)
                    done.lines.append(line)
                if exited := _EXITED.match(line):
                    done.stage_status = int(exited[1])
                if _STARTED.match(line):
                    done.has_started = True
                    done.lines.clear()
                if _UNCHANGED.match(line):
                    done.outcome = "unchanged"
                if _RESTORED.match(line):
                    done.outcome = "restored"
            done.status = process.wait()
        finally:
            # On cancellation, timeout or crash: the guard ends the whole tree before it goes.
            process.terminate()
    return done


def _wait_for(blockers: list[int]) -> None:
    """Wait until processes have ended; wait a moment if DVC did not say which they are."""
    seen = time.time()
    time.sleep(BUSY_POLL_S)
    while any(still_runs(pid, seen) for pid in blockers):
        time.sleep(BUSY_POLL_S)


def _guarded(command: list[str], execution: Path) -> subprocess.Popen[str]:
    guard = [sys.executable, "-m", "flows.guard", str(os.getpid()), str(LOCK)]
    return subprocess.Popen(
        [*guard, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=_environment(execution),
        start_new_session=True,
    )


def _environment(execution: Path) -> dict[str, str]:
    # A worker's PATH knows nothing of the virtual environment whose `python` the stages name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {
        **os.environ,
        "PATH": path,
        "PYTHONUNBUFFERED": "1",
        EXECUTION_VARIABLE: str(execution),
    }


def _words(lines: Iterable[str], status: int) -> str:
    own = [line for line in lines if not _DVC_FRAME.match(line)]
    return "\n".join(own or lines) or f"it ended with status {status} and said nothing"
