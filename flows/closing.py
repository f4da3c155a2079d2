"""Sees to it that MLflow's runs of a dead flow are closed."""

from contextlib import chdir
from pathlib import Path

from aislewatch.tracking.execution import see_to_recorder


def close_recording(execution: Path | None) -> None:
    """Start the recorder of an execution whose process is gone, unless one works or has finished.

    It outlives its flow and closes the runs as KILLED; here it is started again where it was killed
    as well. It takes what it needs from the project's root.

    Args:
        execution: the folder, ``<project>/.aislewatch/runs/<execution>``; None: there is none.
    """
    if execution is not None:
        with chdir(execution.parents[2]):
            see_to_recorder(execution)
