"""Wraps the few MLflow calls that recording and registry share.

Importing this module costs MLflow's import (2.4 s warm, 5–7 s cold, 2 cores, 2026-11-22), so only
the recorder, the register stage and the registry's commands do.
"""

import hashlib
import logging
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any

import mlflow
from filelock import FileLock, Timeout
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)
from mlflow.tracking import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from aislewatch.recording.address import (
    check_store,
    database_file,
    refusal,
    shown_uri,
    tracking_uri,
)
from aislewatch.recording.moved import ARTIFACTS, follow, has_tables
from aislewatch.recording.view import COMPARISON, TAGS, VIEW

EXPERIMENT = os.environ.get("MLFLOW_EXPERIMENT_NAME", "aislewatch")

# MLflow refuses more than these in one call (mlflow.utils.validation).
MAX_PARAMS = 100
MAX_METRICS = 1000
# Longest value of a parameter and of a tag that MLflow stores, in characters.
MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000

# What MLflow says where it is well and has not what it was asked for.
ABSENT = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}
_ANSWERS = ABSENT | {ErrorCode.Name(RESOURCE_ALREADY_EXISTS)}

# Seconds to wait for others at one database: together with the import, a person is told within 15.
# MLflow's own 20 s for SQLite, and its 7 tries of 120 s over HTTP, hold up whoever comes next.
BUSY_S = 8.0
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
# A server that keeps artifacts on S3 would send clients there, past its accounts and to an address
# that it alone may reach (MLflow 3.17).
os.environ.setdefault("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
os.environ.setdefault("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")

# Seconds to wait until another process has made a new database's tables: it takes 5 to 10 s, and
# has taken 40 in a recorder, which gives way, on two cores at load 10.
TABLES_S = 120.0

# Errors reach a person through ours alone; MLflow prints each with its traceback as well.
for _name in ("mlflow.store.db.utils", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _wait_less(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    if statement.startswith("PRAGMA busy_timeout"):
        statement = f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}"
    return statement, parameters


class Client(MlflowClient):
    """MLflow's client, whose failing store is told by an error of ours; its answers pass."""

    def __getattribute__(self, name: str) -> Any:
        """Return the attribute; a public method comes with its failures translated."""
        found = super().__getattribute__(name)
        return found if name.startswith("_") or not callable(found) else _in_our_words(found)


def _in_our_words(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def translated(*arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except MlflowException as error:
            if error.error_code in _ANSWERS:
                raise
            raise refusal(error) from error
        except SQLAlchemyError as error:
            raise refusal(error) from error

    return translated


@contextmanager
def sole_user(
    what: str, on_wait: Callable[[], None] = lambda: None, patience_s: float = -1
) -> Iterator[None]:
    """Hold ``what`` in the tracking store against this user's other processes on this machine.

    Args:
        what: a part of the store, in words; the store's address is part of the lock's name.
        on_wait: called once if another process is inside.
        patience_s: seconds to wait for it; without end where negative.

    Raises:
        RegistryError: the other process stayed inside for longer.
    """
    identity = hashlib.sha256(f"{tracking_uri()} {what}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"aislewatch-{os.getuid()}-{identity}.lock"
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        on_wait()
        try:
            lock.acquire(timeout=patience_s)
        except Timeout:
            raise refusal(TimeoutError(f"another process holds its {what}")) from None
    try:
        yield
    finally:
        lock.release()


def connect() -> tuple[MlflowClient, str]:
    """Return a client and the id of our experiment, made where it is missing.

    Raises:
        RegistryError: the store does not answer, is locked or damaged; told within 15 s.
    """
    check_store()
    database = database_file()
    is_new = database is not None and not has_tables(database)
    is_server = tracking_uri().startswith("http")
    # The first client makes a new database's tables, which two processes must not do at once.
    alone = is_new or (database is None and not is_server)
    try:
        mlflow.set_tracking_uri(tracking_uri())
        with sole_user("tables", patience_s=TABLES_S) if alone else nullcontext():
            client = Client(tracking_uri())
            found = client.get_experiment_by_name(EXPERIMENT)
            experiment = found.experiment_id if found else _create_experiment(client, database)
        if database is not None and is_new:
            follow(database)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise refusal(error) from error
    return client, experiment


def _create_experiment(client: MlflowClient, database: Path | None) -> str:
    place = (database.parent / ARTIFACTS).as_uri() if database else None
    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=place, tags=TAGS))
    except MlflowException:
        # Another process was first; MLflow has no get-or-create that says so.
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            raise
        return str(found.experiment_id)


def tag_name(text: str) -> str:
    """Return ``text`` as MLflow allows it for a tag: ``@`` (as in ``train@cnn``) becomes ``:``."""
    return re.sub(r"[^\w\-. :/]", ":", text)


def find_runs(client: MlflowClient, experiment: str, tags: dict[str, str]) -> list[Run]:
    """Find the finished runs that carry all ``tags``, newest first."""
    wanted = [f"tags.`{tag_name(key)}` = '{value}'" for key, value in tags.items()]
    query = " and ".join([*wanted, "attributes.status = 'FINISHED'"])
    return list(client.search_runs([experiment], query, order_by=["attributes.start_time DESC"]))


def log_params(client: MlflowClient, run_id: str, values: Mapping[str, Any]) -> None:
    """Log parameters, however many."""
    params = [Param(key, str(value)[:MAX_PARAM_LENGTH]) for key, value in values.items()]
    for first in range(0, len(params), MAX_PARAMS):
        client.log_batch(run_id, params=params[first : first + MAX_PARAMS])


def log_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    """Log metrics, however many."""
    for first in range(0, len(metrics), MAX_METRICS):
        client.log_batch(run_id, metrics=metrics[first : first + MAX_METRICS])


def set_tags(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags in one call; what is too long for MLflow is cut."""
    named = {tag_name(key): str(value)[:MAX_TAG_LENGTH] for key, value in tags.items()}
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in named.items()])


def run_url(run_id: str) -> str:
    """Say where a person opens a run: on the server, or on `make ui` where the store is a file."""
    return f"{_experiment_url()}/runs/{run_id}?{VIEW}"


def comparison_url() -> str:
    """Say where a person compares nights: a training's runs, with what each registered."""
    return f"{_experiment_url()}/{COMPARISON}"


def _experiment_url() -> str:
    _, experiment = connect()
    server = shown_uri() if tracking_uri().startswith("http") else "http://127.0.0.1:5000"
    return f"{server.rstrip('/')}/#/experiments/{experiment}"
