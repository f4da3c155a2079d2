"""Which run made a file: asked by digest, never "the newest run"."""

import json
from pathlib import Path

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from aislewatch.recording.store import connect, find_runs, log_params, set_tags
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
from aislewatch.tracking.state import PARENT, PARENT_TAG, STATE


class MadeBy:
    """Finds the run that made something; where MLflow has none, makes one ``origin=cache``."""

    def __init__(
        self, client: MlflowClient, experiment: str, parent_id: str, lock: Path = LOCK
    ) -> None:
        self._entries = lock_entries(lock)
        self._lock = lock
        self._client = client
        self._experiment = experiment
        self._parent_id = parent_id

    def stage(self, address: str) -> str:
        """Run of the stage whose outputs are those that dvc.lock states for ``address``."""
        key = stage_key(locked_facts(self._entries[address]))
        known = find_runs(self._client, self._experiment, {"stage_key": key, "kind": "stage"})
        return self._best(known) or self._from_cache(address, {})

    def output(self, address: str, path: Path, digest: str) -> str:
        """Run that wrote ``path`` with this sha256, as the stage's journal stated it."""
        tag = {f"digest.{path.as_posix()}": digest}
        known = find_runs(self._client, self._experiment, tag)
        return self._best(known) or self._from_cache(address, tag)

    def _best(self, known: list[Run]) -> str:
        """The run of this execution; else the newest that did the same work. Empty for none."""
        own = [run for run in known if run.data.tags.get(PARENT_TAG) == self._parent_id]
        return str((own or known)[0].info.run_id) if known else ""

    def _from_cache(self, address: str, tags: dict[str, str]) -> str:
        facts = locked_facts(self._entries[address])
        outputs = {
            f"dvc.{path}": md5 for path, md5 in output_hashes(self._entries[address]).items()
        }
        known = {
            "kind": "stage",
            "stage": address,
            "origin": "cache",
            "stage_key": stage_key(facts),
            "dvc_lock": lock_digest(self._lock),
            "data": footage_digest(self._entries),
            PARENT_TAG: self._parent_id,
        }
        run = self._client.create_run(self._experiment, tags=known, run_name=address)
        run_id = str(run.info.run_id)
        set_tags(self._client, run_id, outputs | tags)
        log_params(self._client, run_id, flatten(facts["params"]))
        self._client.set_terminated(run_id, "FINISHED")
        return run_id


def made_by(execution: Path) -> MadeBy:
    """As seen from an execution whose journals are in MLflow (`recorder.drain`)."""
    client, experiment = connect()
    state = json.loads((execution / STATE).read_text())
    return MadeBy(client, experiment, state["runs"][PARENT])
