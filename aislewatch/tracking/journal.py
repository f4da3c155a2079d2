"""A stage's side of tracking: append-only JSON lines, no MLflow imported, nothing lost.

A line is written by one ``write`` to a file opened for appending, so what was logged before a kill
stays. Layout of ``.aislewatch/runs/<execution>/``: ``execution.json`` (who and what),
``<stage>.jsonl`` (a journal a stage), the recorder's own state, and ``closed.json`` at the end.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from aislewatch.files import sha256_file, sha256_tree
from aislewatch.tracking.execution import find_or_make_execution
from aislewatch.tracking.provenance import work_facts

RunKind = Literal["stage", "model", "trial"]


class Journal:
    """One run (a stage, or a model or trial inside it) being written down."""

    def __init__(self, file: Path, run: str = "") -> None:
        self._file = file
        self._run = run

    def _write(self, kind: str, **fields: Any) -> None:
        record = {"kind": kind, "run": self._run, "time": time.time(), **fields}
        line = (json.dumps(record, default=str) + "\n").encode()
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; nested mappings become dotted names."""
        self._write("params", values=flatten(values))

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log metrics of one step (an epoch, usually)."""
        self._write("metrics", values={k: float(v) for k, v in values.items()}, step=step)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self._write("tags", values=dict(values))

    def artifact(self, path: Path, folder: str = "") -> None:
        """Attach a file or a folder; ``folder`` is where it goes inside the run's artefacts."""
        self._write("artifact", path=str(path.resolve()), sha256=_sha256(path), folder=folder)

    def digest(self, path: Path, known: str = "") -> None:
        """State the sha256 of an output, by which the run is found again.

        Args:
            path: a file, or a folder with all that is in it.
            known: its sha256 where the caller has it: then nothing is read.
        """
        self._write("digest", path=path.as_posix(), sha256=known or _sha256(path))

    @contextmanager
    def child(self, name: str, kind: RunKind, params: Mapping[str, Any]) -> Iterator["Journal"]:
        """A run nested in this one; FAILED when the block raises."""
        nested = Journal(self._file, run=f"{self._run}/{name}")
        nested._write("start", name=name, type=kind, parent=self._run, pid=os.getpid())
        nested.params(params)
        try:
            yield nested
        except BaseException as error:
            nested.end("FAILED", error)
            raise
        nested.end("FINISHED")

    def end(self, status: str, error: BaseException | None = None) -> None:
        """Close this run with an MLflow status."""
        self._write("end", status=status, error="" if error is None else _words(error))


@contextmanager
def stage_run(address: str, params: Mapping[str, Any]) -> Iterator[Journal]:
    """Keep a journal of one stage, inside the pipeline execution that this process belongs to.

    Args:
        address: the stage as DVC names it, for example ``"train@convlstm"``.
        params: what the stage was asked to do, as in params.yaml.
    """
    execution = find_or_make_execution()
    # A stage run twice in one execution (a retry) starts a new journal; the old one stays.
    attempt = len(list(execution.glob(f"{address}.*.jsonl")))
    journal = Journal(execution / f"{address}.{attempt}.jsonl")
    journal._write("start", name=address, type="stage", parent=None, pid=os.getpid())
    journal._write("facts", values=work_facts(address))
    journal.params(params)
    try:
        yield journal
    except BaseException as error:
        journal.end("FAILED", error)
        raise
    journal.end("FINISHED")


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"train": {"epochs": 3}}`` as ``{"train.epochs": 3}``, the names MLflow compares by."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _sha256(path: Path) -> str:
    return sha256_tree(path) if path.is_dir() else sha256_file(path)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
