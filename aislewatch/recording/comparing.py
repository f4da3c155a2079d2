"""Shows in MLflow what a person compares: nights by what they registered, networks, data sets."""

import time
from collections.abc import Mapping
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    Metric,
    Run,
)
from mlflow.tracking import MlflowClient

from aislewatch.recording.client import set_tags
from aislewatch.recording.replay import Replay
from aislewatch.recording.view import REGISTERED, TAGS, headline
from aislewatch.tables import places
from aislewatch.tracking.filenames import PARENT_TAG
from aislewatch.tracking.journal import address_of
from aislewatch.tracking.provenance import footage_digest, output_hashes

# Longest digest of a data set that MLflow stores, in characters: DVC's md5 of a folder has 36.
MAX_DIGEST_LENGTH = 36

# Which stages read which data, in MLflow's words for a data set's use.
CONTEXTS = {"train": "training", "evaluate": "evaluation"}


def show_for_comparison(
    replay: Replay, cached: Mapping[str, str], entries: Mapping[str, Any]
) -> None:
    """Make an execution comparable with others, once its runs are there.

    Args:
        replay: the execution; its parent run gets the figures of what it registered.
        cached: run of each stage that did not run, by address.
        entries: the stages of the dvc.lock it left.
    """
    client, parent = replay.client, replay.parent_id
    own = {
        address_of(run.removesuffix("|")): run_id
        for run, run_id in replay.runs.items()
        if run.endswith("|")
    }
    # Of a store that was made before there were any.
    for name, value in TAGS.items():
        client.set_experiment_tag(replay.experiment, name, value)
    _show_result(client, parent, {**cached, **own})
    sets = _data_sets(entries)
    _log_data_sets(client, parent, sets, "pipeline")
    for address, run_id in own.items():
        context = CONTEXTS.get(address.split("@")[0])
        if context:
            _log_data_sets(client, run_id, sets, context)
    _log_models(replay, {**cached, **own}, sets)


def _show_result(client: MlflowClient, parent: str, made: Mapping[str, str]) -> None:
    if "evaluate" in made:
        measured = client.get_run(made["evaluate"]).data.metrics
        now = int(time.time() * 1000)
        shown = [Metric(name, value, now, 0) for name, value in headline(measured).items()]
        client.log_batch(parent, metrics=shown)
    if "register" in made:
        said = client.get_run(made["register"]).data.tags
        set_tags(client, parent, {name: said[name] for name in REGISTERED if name in said})


def _data_sets(entries: Mapping[str, Any]) -> list[Dataset]:
    """Name the footage and its division, each by DVC's hash; what dvc.lock lacks is left out."""
    made = {path: md5 for entry in entries.values() for path, md5 in output_hashes(entry).items()}
    splits = places.SPLITS.as_posix()
    known = {
        ("footage", places.RAW.as_posix()): footage_digest(dict(entries)),
        ("splits", splits): made.get(splits, ""),
    }
    return [
        Dataset(name, digest[:MAX_DIGEST_LENGTH], "local", f'{{"uri": "{path}"}}')
        for (name, path), digest in known.items()
        if digest
    ]


def _log_data_sets(client: MlflowClient, run_id: str, sets: list[Dataset], context: str) -> None:
    if sets:
        tags = [InputTag("mlflow.data.context", context)]
        client.log_inputs(run_id, [DatasetInput(data_set, tags) for data_set in sets])


def _log_models(replay: Replay, made: Mapping[str, str], sets: list[Dataset]) -> None:
    """Make a logged model for each row of the evaluation's table that has none yet."""
    if "evaluate" not in made:
        return
    query = f"tags.`{PARENT_TAG}` = '{made['evaluate']}' and tags.kind = 'model'"
    for found in replay.client.search_runs([replay.experiment], query):
        row = replay.client.get_run(found.info.run_id)
        if row.info.status == "FINISHED" and not (row.outputs and row.outputs.model_outputs):
            _log_model(replay.client, row, made, sets)


def _log_model(
    client: MlflowClient, row: Run, made: Mapping[str, str], sets: list[Dataset]
) -> None:
    name, run_id = str(row.info.run_name), row.info.run_id
    trained = made.get(f"train@{name}", run_id)
    model = client.create_logged_model(
        row.info.experiment_id, name, trained, params=dict(row.data.params)
    )
    measured_on = next((s for s in sets if s.name == "splits"), None)
    stated = (
        {"dataset_name": measured_on.name, "dataset_digest": measured_on.digest}
        if measured_on
        else {}
    )
    # The time and step the row has them by: the same point, now of a model and a data set.
    points = [client.get_metric_history(run_id, key)[-1] for key in row.data.metrics]
    metrics = [
        Metric(p.key, p.value, p.timestamp, p.step, model.model_id, run_id=run_id, **stated)
        for p in points
    ]
    client.log_batch(run_id, metrics=metrics)
    # Last, by which the next closing knows that it is done.
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
