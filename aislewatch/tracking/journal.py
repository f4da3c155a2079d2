"""Writes a stage's journal: append-only JSON lines, no MLflow imported, nothing lost.

A line is written by one ``write`` to a file opened for appending, so what was logged before a kill
stays. Layout of ``.aislewatch/runs/<execution>/``: ``execution.json`` (who and what), what was kept
when it began, ``<stage>.<attempt>.jsonl`` (a journal a stage), the recorder's own state, and
``closed.json`` at the end.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

from aislewatch.files import sha256_file, sha256_tree
from aislewatch.tracking.execution import find_or_make_execution, is_alive

RunKind = Literal["stage", "model", "trial"]

# How every line begins, by which a line is found again behind what a kill left of the one before.
LINE_START = b'{"kind": "'


class Journal:
    """One run (a stage, or a model or trial inside it) being written down."""

    def __init__(self, file: Path, run: str = "") -> None:
        self._file = file
        self._run = run

    def _write(self, kind: str, **fields: Any) -> None:
        record = {"kind": kind, "run": self._run, "time": time.time(), **fields}
        line = (json.dumps(record, default=str) + "\n").encode()
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # A kill or a full disk has torn the line before: it must not take this one with it.
                line = b"\n" + line
            while line:
                line = line[os.write(descriptor, line) :]
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
        place, here = path.resolve(), Path.cwd()
        # As seen from the project where it lies in it: a copy of the project has its own.
        named = place.relative_to(here) if place.is_relative_to(here) else place
        self._write("artifact", path=str(named), sha256=_sha256(path), folder=folder)

    def digest(self, path: Path, known: str = "") -> None:
        """State the sha256 of an output, by which the run is found again.

        Args:
            path: a file, or a folder with all that is in it.
            known: its sha256 where the caller has it: then nothing is read.
        """
        self._write("digest", path=path.as_posix(), sha256=known or _sha256(path))

    @contextmanager
    def child(self, name: str, kind: RunKind, params: Mapping[str, Any]) -> Iterator["Journal"]:
        """Open a run nested in this one; FAILED when the block raises."""
        nested = Journal(self._file, run=f"{self._run}/{name}")
        nested._write("start", name=name, type=kind, parent=self._run, pid=os.getpid())
        nested.params(params)
        try:
            yield nested
        except BaseException as error:
            with suppress(OSError):
                nested.end("FAILED", error)
            raise
        nested.end("FINISHED")

    def end(self, status: str, error: BaseException | None = None, orphan: bool = False) -> None:
        """Close this run with an MLflow status.

        Args:
            status: ``FINISHED`` or ``FAILED``.
            error: what it failed with.
            orphan: whether the command that started the stage was gone by then.
        """
        said = "" if error is None else _words(error)
        self._write("end", status=status, error=said, orphan=orphan)


@contextmanager
def stage_run(address: str, params: Mapping[str, Any]) -> Iterator[Journal]:
    """Keep a journal of one stage, inside the pipeline execution that this process belongs to.

    Args:
        address: the stage as DVC names it, for example ``"train@convlstm"``.
        params: what the stage was asked to do, as in params.yaml.
    """
    execution = find_or_make_execution()
    # A stage run twice in one execution (a retry) starts a new journal; the old one stays.
    attempts = [file for file in execution.glob("*.jsonl") if address_of(file.name) == address]
    journal = Journal(execution / journal_name(address, len(attempts)))
    journal._write("start", name=address, type="stage", parent=None, pid=os.getpid())
    journal.params(params)
    try:
        yield journal
    except BaseException as error:
        # On a full disk not even this can be written: what filled it is what counts.
        with suppress(OSError):
            journal.end("FAILED", error, orphan=not is_alive(execution))
        raise
    journal.end("FINISHED", orphan=not is_alive(execution))


def journal_name(address: str, attempt: int) -> str:
    """Name the file of a stage's journal."""
    return f"{quote(address, safe='@ ')}.{attempt}.jsonl"


def journal_files(folder: Path) -> list[Path]:
    """List the journals of an execution, oldest first."""
    return sorted(folder.glob("*.jsonl"), key=lambda file: file.stat().st_ctime)


def address_of(journal: str) -> str:
    """Return the stage whose journal has this name."""
    return unquote(journal.rsplit(".", 2)[0])


def read_records(lines: bytes) -> tuple[list[dict[str, Any]], int]:
    """Read whole lines of a journal; return their records, and how many lines were torn.

    Of a torn line, as a kill or a full disk leaves it, the end is read where a record stands there.
    """
    records, torn = [], 0
    for line in filter(None, lines.split(b"\n")):
        record = _record(line)
        if record is None:
            torn += 1
            record = _record(line[max(0, line.rfind(LINE_START)) :])
        if record is not None:
            records.append(record)
    return records, torn


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    is_ours = isinstance(record, dict) and {"kind", "run", "time"} <= set(record)
    return record if is_ours else None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten ``{"train": {"epochs": 3}}`` to ``{"train.epochs": 3}``, as MLflow compares names."""
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
