"""Runs a command below a flow, line by line, so that it never outlives the flow."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from aislewatch.errors import PipelineError
from flows.command import WORDS_LINES, StageKilledError, signal_of


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a command that is no part of this flow run, but of this project."""
    # A worker's PATH knows nothing of the virtual environment whose `python` the stages name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    kept = {
        name: value
        for name, value in os.environ.items()
        # By the run's id the reaper finds what a killed run recorded.
        if not name.startswith("PREFECT__") or name == "PREFECT__FLOW_RUN_ID"
    }
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1"} | more


def run_guarded(
    command: list[str],
    folder: Path,
    lock: Path,
    say: Callable[[str], None],
    env: Mapping[str, str],
) -> None:
    """Run a command in a folder under `guard`, which ends all of it when this process is gone.

    Args:
        command: what to run.
        folder: where.
        lock: held meanwhile.
        say: gets every line as it comes.
        env: its environment.

    Raises:
        StageKilledError: a signal ended it, or a stage of it; the message is the same.
        PipelineError: it failed; the message is the end of what it said.
    """
    guard = [sys.executable, "-m", "flows.guard", str(os.getpid()), str(lock)]
    words: deque[str] = deque(maxlen=WORDS_LINES)
    process = subprocess.Popen(
        [*guard, *command],
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                if line := raw.rstrip():
                    say(line)
                    words.append(line)
            status = process.wait()
        finally:
            process.terminate()
    if status != 0:
        said = "\n".join(words) or f"it ended with status {status} and said nothing"
        error = StageKilledError if signal_of(status) else PipelineError
        raise error(f"`{' '.join(command[1:])}` failed:\n{said}")
