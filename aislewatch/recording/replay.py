"""From journal lines to MLflow runs, each line once, however often a recorder dies."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlflow.entities import Metric

from aislewatch.files import sha256_file, sha256_tree, write_json
from aislewatch.recording.store import connect, log_params, set_tags
from aislewatch.tracking.provenance import stage_key
from aislewatch.tracking.state import EXECUTION, PARENT, PARENT_TAG, STATE

# MLflow refuses more metrics than this in one call (mlflow.utils.validation).
MAX_METRICS = 1000


class Replay:
    """What of one execution has reached MLflow, and how to bring over the rest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / EXECUTION).read_text())
        self.client, self.experiment = connect()
        state = folder / STATE
        self._recovering = state.exists()
        saved = json.loads(state.read_text()) if self._recovering else {}
        self.runs: dict[str, str] = saved.get("runs", {})
        self.offsets: dict[str, int] = saved.get("offsets", {})
        self._save()
        self.parent_id = self._run_id(PARENT, self._parent_tags, self._parent_name(), None)

    def advance(self) -> None:
        """Bring over every whole line that was journalled since the last call."""
        for journal in sorted(self.folder.glob("*.jsonl"), key=lambda f: f.stat().st_ctime):
            offset = self.offsets.get(journal.name, 0)
            with journal.open("rb") as file:
                file.seek(offset)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            if not whole:
                continue
            for record in _merged(json.loads(line) for line in whole.splitlines()):
                self._apply(journal.name, record)
            self.offsets[journal.name] = offset + len(whole)
            self._save()

    def journals(self) -> dict[str, list[dict[str, Any]]]:
        """All records so far by journal file, oldest journal first."""
        files = sorted(self.folder.glob("*.jsonl"), key=lambda f: f.stat().st_ctime)
        return {f.name: [json.loads(line) for line in f.read_text().splitlines()] for f in files}

    def _apply(self, journal: str, record: dict[str, Any]) -> None:
        key, kind = f"{journal}|{record['run']}", record["kind"]
        if kind == "start":
            above = (
                self.parent_id
                if record["parent"] is None
                else self.runs[f"{journal}|{record['parent']}"]
            )
            self._start(key, record, above)
            return
        run_id, time_ms = self.runs[key], int(record["time"] * 1000)
        if kind == "params":
            log_params(self.client, run_id, record["values"])
        elif kind == "metrics":
            for first in range(0, len(record["all"]), MAX_METRICS):
                self.client.log_batch(run_id, metrics=record["all"][first : first + MAX_METRICS])
        elif kind == "tags":
            set_tags(self.client, run_id, record["values"])
        elif kind == "digest":
            set_tags(self.client, run_id, {f"digest.{record['path']}": record["sha256"]})
        elif kind == "facts":
            set_tags(self.client, run_id, {"stage_key": stage_key(record["values"])})
        elif kind == "artifact":
            self._artifact(run_id, record)
        elif kind == "end":
            if record["error"]:
                set_tags(self.client, run_id, {"error": record["error"]})
            self.client.set_terminated(run_id, record["status"], time_ms)

    def _start(self, key: str, record: dict[str, Any], above: str) -> None:
        tags = {"kind": record["type"], "stage": key.split(".")[0], PARENT_TAG: above}
        self._run_id(key, lambda: tags | self._git_tags(), record["name"], record["time"])

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
        path, folder = Path(record["path"]), record["folder"] or None
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
        } | self._git_tags()

    def _git_tags(self) -> dict[str, str]:
        git = self.facts["git"]
        if not git:
            return {"git_commit": "none: not a git repository"}
        return {
            "git_commit": git["commit"],
            "git_branch": "(detached)" if git["branch"] == "HEAD" else git["branch"],
            "git_dirty": str(git["dirty"]).lower(),
            "git_shallow": str(git["shallow"]).lower(),
            "mlflow.source.git.commit": git["commit"],
        }

    def _save(self) -> None:
        write_json(self.folder / STATE, {"runs": self.runs, "offsets": self.offsets})


def _merged(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The records, but neighbouring metrics of a run as one, which is one call of MLflow."""
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
