"""Turns journal lines into MLflow runs, each line once, however often a recorder dies."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from aislewatch.files import sha256_file, sha256_tree, write_json
from aislewatch.recording.client import connect, log_metrics, log_params, set_tags
from aislewatch.tracking.execution import read_execution
from aislewatch.tracking.filenames import PARENT, PARENT_TAG, STATE
from aislewatch.tracking.journal import address_of, journal_files, read_records


class Replay:
    """Knows what of one execution has reached MLflow, and brings over the rest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = read_execution(folder)
        # An execution's folder is .aislewatch/runs/<name> of its project.
        self._project = folder.resolve().parents[2]
        self.client, self.experiment = connect()
        state = folder / STATE
        self._recovering = state.exists()
        saved = json.loads(state.read_text()) if self._recovering else {}
        self.runs: dict[str, str] = saved.get("runs", {})
        self.offsets: dict[str, int] = saved.get("offsets", {})
        self._save()

    @property
    def parent_id(self) -> str:
        """Return the execution's own run, made when first asked for: idle ones have none."""
        return self._run_id(PARENT, self._parent_tags, self._parent_name(), None)

    def advance(self) -> None:
        """Bring over every whole line that was journalled since the last call."""
        for journal in journal_files(self.folder):
            offset = self.offsets.get(journal.name, 0)
            with journal.open("rb") as file:
                file.seek(offset)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            if not whole:
                continue
            records, torn = read_records(whole)
            for record in _merged(records):
                try:
                    self._apply(journal.name, record)
                except MlflowException as error:
                    # MLflow answered no, and would again; the lines after this one are sound.
                    refused = {f"not_recorded.{journal.stem}": f"{record['kind']}: {error}"}
                    set_tags(self.client, self.parent_id, refused)
            if torn:
                said = f"{torn} line(s), as a kill or a full disk leaves them"
                set_tags(self.client, self.parent_id, {f"journal_torn.{journal.stem}": said})
            self.offsets[journal.name] = offset + len(whole)
            self._save()

    def journals(self) -> dict[str, list[dict[str, Any]]]:
        """Return all records so far by journal file, oldest journal first; none without one."""
        read = {f.name: read_records(f.read_bytes())[0] for f in journal_files(self.folder)}
        return {name: records for name, records in read.items() if records}

    def _apply(self, journal: str, record: dict[str, Any]) -> None:
        run_id = self._run_of(journal, record)
        kind, time_ms = record["kind"], int(record["time"] * 1000)
        if kind == "params":
            log_params(self.client, run_id, record["values"])
        elif kind == "metrics":
            log_metrics(self.client, run_id, record["all"])
        elif kind == "tags":
            set_tags(self.client, run_id, record["values"])
        elif kind == "digest":
            set_tags(self.client, run_id, {f"digest.{record['path']}": record["sha256"]})
        elif kind == "artifact":
            self._artifact(run_id, record)
        elif kind == "end":
            if record["error"]:
                set_tags(self.client, run_id, {"error": record["error"]})
            self.client.set_terminated(run_id, record["status"], time_ms)

    def _run_of(self, journal: str, record: dict[str, Any]) -> str:
        """Return the run a record is about, made by its first record: the start may be torn."""
        path = record["run"]
        key = f"{journal}|{path}"
        if key in self.runs:
            return self.runs[key]
        address = address_of(journal)
        name, kind, above = address, "stage", self.parent_id
        if path:
            nesting, _, name = path.rpartition("/")
            if record["kind"] == "start":
                nesting, name = record["parent"], record["name"]
            kind = record.get("type", "unknown")
            above = self._run_of(journal, {"run": nesting, "kind": "", "time": record["time"]})
        tags = {"kind": kind, "stage": address, PARENT_TAG: above} | git_tags(self.facts)
        return self._run_id(key, lambda: tags, name, record["time"])

    def _run_id(self, key: str, tags: Any, name: str, started: float | None) -> str:
        if key in self.runs:
            return self.runs[key]
        identity = f"{self.facts['identity']}/{key}"
        if self._recovering:
            # A recorder killed between making a run and noting it down must not make it twice.
            known = self.client.search_runs([self.experiment], f"tags.journal = '{identity}'")
            if known:
                self.runs[key] = known[0].info.run_id
                return self.runs[key]
        begun = int((started or self.facts["started"]) * 1000)
        run = self.client.create_run(
            self.experiment, begun, tags=tags() | {"journal": identity}, run_name=name
        )
        self.runs[key] = run.info.run_id
        self._save()
        return self.runs[key]

    def _artifact(self, run_id: str, record: dict[str, Any]) -> None:
        path, folder = self._project / record["path"], record["folder"] or None
        if not path.exists():
            set_tags(self.client, run_id, {f"artifact_gone.{path.name}": record["sha256"]})
        elif path.is_dir() and sha256_tree(path) == record["sha256"]:
            self.client.log_artifacts(run_id, str(path), folder)
        elif path.is_file() and sha256_file(path) == record["sha256"]:
            self.client.log_artifact(run_id, str(path), folder)
        else:
            # A later run has written the file again; its new content is not this run's.
            set_tags(self.client, run_id, {f"artifact_gone.{path.name}": record["sha256"]})

    def _parent_name(self) -> str:
        return f"pipeline {self.folder.name}"

    def _parent_tags(self) -> dict[str, str]:
        command = " ".join(self.facts["command"])
        return {
            "kind": "pipeline",
            "command": command,
            "mlflow.source.name": command,
        } | git_tags(self.facts)

    def _save(self) -> None:
        write_json(self.folder / STATE, {"runs": self.runs, "offsets": self.offsets})


def git_tags(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the commit that an execution ran on, as tags."""
    git = facts["git"]
    if not git:
        return {"git_commit": "none: not a git repository"}
    return {
        "git_commit": git["commit"],
        "git_branch": "(detached)" if git["branch"] == "HEAD" else git["branch"],
        "git_dirty": str(git["dirty"]).lower(),
        "git_shallow": str(git["shallow"]).lower(),
        "mlflow.source.git.commit": git["commit"],
    }


def _merged(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Join neighbouring metrics of a run into one record, which is one call of MLflow."""
    kept: dict[str, Any] | None = None
    for record in records:
        is_metrics = record["kind"] == "metrics"
        if kept is not None and not (is_metrics and kept["run"] == record["run"]):
            yield kept
            kept = None
        if not is_metrics:
            yield record
            continue
        kept = kept or record | {"all": []}
        when = int(record["time"] * 1000)
        kept["all"] += [Metric(k, v, when, record["step"]) for k, v in record["values"].items()]
    if kept is not None:
        yield kept
