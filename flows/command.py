"""One DVC command as a child of the flow: its lines as they come, its outcome, its own words."""

import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aislewatch.errors import PipelineError
from aislewatch.tables import places
from aislewatch.tracking.execution import EXECUTION_VARIABLE

Outcome = Literal["ran", "restored", "unchanged"]

# Relative to the project's root, so that every flow and worker of one project shares it.
LOCK = places.WORK / "dvc.lock"

# Lines of a failed stage kept as its words: an error of ours is one to five lines, and the end of
# a traceback that helps is not longer. The task's log has them all.
WORDS_LINES = 20

# What DVC 3.67 says; tests run the real DVC, so another wording fails there.
_UNCHANGED = re.compile(r"Stage '.*' didn't change, skipping$")
_RESTORED = re.compile(r"Stage '.*' is cached - skipping run, checking out outputs$")
_STARTED = re.compile(r"Running stage '.*':$")
_DVC_FRAME = re.compile(r"ERROR: failed to reproduce '.*': failed to run: ")


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

    Args:
        address: the stage as DVC names it.
        execution: folder of the pipeline execution that the stage's journal belongs to.
        say: gets every line of output as it comes.

    Raises:
        PipelineError: the stage failed; the message is the end of its own output.
    """
    started = time.monotonic()
    lines: deque[str] = deque(maxlen=WORDS_LINES)
    outcome: Outcome = "ran"
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", address]
    with _guarded(command, execution) as process:
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                line = raw.rstrip()
                if line:
                    say(line)
                    lines.append(line)
                if _STARTED.match(line):
                    lines.clear()
                if _UNCHANGED.match(line):
                    outcome = "unchanged"
                if _RESTORED.match(line):
                    outcome = "restored"
            process.wait()
        finally:
            # On cancellation, timeout or crash: the guard ends the whole tree before it goes.
            process.terminate()
    if process.returncode != 0:
        raise PipelineError(f"{address} failed:\n{_words(list(lines), process.returncode)}")
    return StageReport(address, outcome, time.monotonic() - started)


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


def _words(lines: list[str], status: int) -> str:
    own = [line for line in lines if not _DVC_FRAME.match(line)]
    return "\n".join(own or lines) or f"it ended with status {status} and said nothing"
