"""The few MLflow calls that tracking and registry share.

Importing this module costs MLflow's import (2.4 s warm, 5–7 s cold, 2 cores, 2026-11-22), so only
the recorder, the register stage and the registry's commands do.
"""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from aislewatch.errors import RegistryError

EXPERIMENT = os.environ.get("MLFLOW_EXPERIMENT_NAME", "aislewatch")
LOCAL_DATABASE = Path("mlflow.db")
LOCAL_ARTIFACTS = Path("mlartifacts")

# MLflow refuses more parameters than this in one call (mlflow.utils.validation).
MAX_PARAMS = 100
# Longest parameter value MLflow stores, in characters.
MAX_PARAM_LENGTH = 6000


def tracking_uri() -> str:
    """``MLFLOW_TRACKING_URI``, else a SQLite file in the project's root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{LOCAL_DATABASE.resolve()}"


@contextmanager
def sole_user(what: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Keep the other processes of this user and machine out of ``what`` in the tracking store.

    Args:
        what: a part of the store, in words; the store's address is part of the lock's name.
        on_wait: called once if another process is inside.
    """
    identity = hashlib.sha256(f"{tracking_uri()} {what}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"aislewatch-{os.getuid()}-{identity}.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def connect() -> tuple[MlflowClient, str]:
    """A client and the id of our experiment, made where it is missing.

    Raises:
        RegistryError: the tracking server does not answer.
    """
    uri = tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        # The first client makes a new database's tables, which two processes must not do at once.
        with sole_user("connection"):
            client = MlflowClient(uri)
            found = client.get_experiment_by_name(EXPERIMENT)
            return client, found.experiment_id if found else _create_experiment(client, uri)
    except MlflowException as error:
        raise RegistryError(
            f"MLflow at {uri} does not answer: {error}. Check MLFLOW_TRACKING_URI"
        ) from error


def _create_experiment(client: MlflowClient, uri: str) -> str:
    place = LOCAL_ARTIFACTS.resolve().as_uri() if uri.startswith("sqlite") else None
    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=place))
    except MlflowException:
        # Another process was first; MLflow has no get-or-create that says so.
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            raise
        return str(found.experiment_id)


def tag_name(text: str) -> str:
    """``text`` as MLflow allows it for a tag: ``@`` (as in ``train@cnn``) becomes ``:``."""
    return re.sub(r"[^\w\-. :/]", ":", text)


def find_runs(client: MlflowClient, experiment: str, tags: dict[str, str]) -> list[Run]:
    """Finished runs that carry all ``tags``, newest first."""
    wanted = [f"tags.`{tag_name(key)}` = '{value}'" for key, value in tags.items()]
    query = " and ".join([*wanted, "attributes.status = 'FINISHED'"])
    return list(client.search_runs([experiment], query, order_by=["attributes.start_time DESC"]))


def log_params(client: MlflowClient, run_id: str, values: Mapping[str, Any]) -> None:
    """Log parameters, however many."""
    params = [Param(key, str(value)[:MAX_PARAM_LENGTH]) for key, value in values.items()]
    for first in range(0, len(params), MAX_PARAMS):
        client.log_batch(run_id, params=params[first : first + MAX_PARAMS])


def set_tags(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags in one call."""
    client.log_batch(
        run_id, tags=[RunTag(tag_name(key), str(value)) for key, value in tags.items()]
    )


def run_url(run_id: str) -> str:
    """Where a person opens a run: on the server, or on `make ui` where the store is a file."""
    _, experiment = connect()
    server = tracking_uri() if tracking_uri().startswith("http") else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{experiment}/runs/{run_id}"
