"""Finds which run made a file: asked by digest, never "the newest run"."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Metric, Run
from mlflow.tracking import MlflowClient

from aislewatch.recording.client import connect, find_runs, log_metrics, log_params, set_tags
from aislewatch.recording.replay import git_tags
from aislewatch.recording.restored import Stated, read_outputs
from aislewatch.tracking.execution import read_execution
from aislewatch.tracking.filenames import PARENT, PARENT_TAG, STATE
from aislewatch.tracking.journal import flatten
from aislewatch.tracking.provenance import (
    LOCK,
    footage_digest,
    lock_digest,
    lock_entries,
    locked_facts,
    output_hashes,
    stage_key,
)


class MadeBy:
    """Finds the run that made something; where MLflow has none, makes one ``origin=cache``."""

    def __init__(
        self,
        client: MlflowClient,
        experiment: str,
        parent_id: str,
        commit: Mapping[str, str],
        lock: Path = LOCK,
    ) -> None:
        self._entries = lock_entries(lock)
        self._lock = lock
        self._client = client
        self._experiment = experiment
        self._parent_id = parent_id
        self._commit = commit

    def stage(self, address: str) -> str:
        """Return the run of the stage whose outputs are those that dvc.lock states for it."""
        key = stage_key(locked_facts(self._entries[address]))
        known = find_runs(self._client, self._experiment, {"stage_key": key, "kind": "stage"})
        return self._best(known) or self._from_cache(address, {})

    def output(self, address: str, path: Path, digest: str) -> str:
        """Return the run that wrote ``path`` with this sha256, as the stage's journal stated it."""
        tag = {f"digest.{path.as_posix()}": digest}
        known = find_runs(self._client, self._experiment, tag)
        return self._best(known) or self._from_cache(address, tag)

    def _best(self, known: list[Run]) -> str:
        """Return the run of this execution, else the newest of the same work, else nothing."""
        own = [run for run in known if run.data.tags.get(PARENT_TAG) == self._parent_id]
        return str((own or known)[0].info.run_id) if known else ""

    def _from_cache(self, address: str, tags: dict[str, str]) -> str:
        """Make a run that stands for a stage of which only the outputs are here."""
        entry = self._entries[address]
        facts, outputs = locked_facts(entry), output_hashes(entry)
        known = {
            "kind": "stage",
            "stage_key": stage_key(facts),
            "dvc_lock": lock_digest(self._lock),
            "data": footage_digest(self._entries),
            **{f"dvc.{path}": md5 for path, md5 in outputs.items()},
        }
        stated = read_outputs(outputs)
        run_id = self._make(address, address, self._parent_id, known | tags, stated.metrics)
        log_params(self._client, run_id, stated.params | flatten(facts["params"]))
        self._add(run_id, stated)
        for name, metrics in stated.models.items():
            made = self._make(name, address, run_id, {"kind": "model"}, metrics)
            self._client.set_terminated(made, "FINISHED")
        self._client.set_terminated(run_id, "FINISHED")
        return run_id

    def _make(
        self,
        name: str,
        address: str,
        above: str,
        tags: dict[str, str],
        metrics: Mapping[str, float],
    ) -> str:
        first = {"stage": address, "origin": "cache", PARENT_TAG: above, **self._commit}
        run = self._client.create_run(self._experiment, tags=first, run_name=name)
        run_id = str(run.info.run_id)
        set_tags(self._client, run_id, tags)
        now = int(time.time() * 1000)
        log_metrics(self._client, run_id, [Metric(k, v, now, 0) for k, v in metrics.items()])
        return run_id

    def _add(self, run_id: str, stated: Stated) -> None:
        now = int(time.time() * 1000)
        history = [Metric(name, value, now, step) for name, step, value in stated.history]
        log_metrics(self._client, run_id, history)
        for folder in stated.folders:
            self._client.log_artifacts(run_id, str(folder))


def made_by(execution: Path) -> MadeBy:
    """Make a ``MadeBy`` for an execution whose journals are in MLflow (`recorder.drain`)."""
    client, experiment = connect()
    state = json.loads((execution / STATE).read_text())
    return MadeBy(client, experiment, state["runs"][PARENT], git_tags(read_execution(execution)))
