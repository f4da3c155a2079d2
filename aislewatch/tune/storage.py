"""A study's database when several processes work on it: opened, and refused in plain words."""

import time
import warnings
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from aislewatch.errors import TrainingError
from aislewatch.recording.address import without_password

# The environment variable that names the database of a study that several machines share.
VARIABLE = "OPTUNA_STORAGE"
# A trial whose worker is killed is tried once more. What kills two workers kills the third.
RETRIES = 1
# Seconds a worker waits while others write to the same SQLite file; its own default of 5 is short
# on a disk that is busy writing a model.
SQLITE_WAIT_S = 60

# Seconds after which the tables that another command is making are there.
TABLES_S = 2.0


def open_storage(url: str, heartbeat_s: int, grace_s: int) -> RDBStorage:
    """Open the database, and make its tables if they lack.

    Args:
        url: as SQLAlchemy has it: ``postgresql://user:password@host/database``, ``sqlite:///file``.
        heartbeat_s: seconds between two signs of life of a trial under way.
        grace_s: seconds without one from which its worker counts as dead.

    Raises:
        TrainingError: the address is wrong, its driver missing, or nobody answers there; the
            message holds no password.
    """
    shown = shown_url(url)
    if shown.startswith("sqlite:///"):
        Path(shown.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    wait = {"connect_args": {"timeout": SQLITE_WAIT_S}} if shown.startswith("sqlite") else {}

    def opened() -> RDBStorage:
        return RDBStorage(
            url,
            engine_kwargs=wait,
            heartbeat_interval=heartbeat_s,
            grace_period=grace_s,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(RETRIES),
        )

    try:
        with warnings.catch_warnings():
            # Heartbeats have been Optuna's "experiment" since 2021.
            warnings.simplefilter("ignore", ExperimentalWarning)
            try:
                return opened()
            except (IntegrityError, ProgrammingError):
                # Somebody else was making the tables at the same time; by now they are there.
                time.sleep(TABLES_S)
                return opened()
    except ImportError:
        raise TrainingError(
            f"{VARIABLE} is {shown}, and the driver for it is not installed; PostgreSQL's comes "
            "with aislewatch, write postgresql://"
        ) from None
    except (SQLAlchemyError, RuntimeError) as error:
        said = str(error.__cause__ or error).strip().splitlines()[0]
        raise TrainingError(
            f"the study's database {shown} cannot be opened: {said}; start its server, or correct "
            f"{VARIABLE}"
        ) from None


def shown_url(url: str) -> str:
    """Return the address as it may be printed: without its password.

    Raises:
        TrainingError: it is no address of a database that keeps heartbeats.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or not _serves_processes(parsed):
        # Not quoted: there may be a password in it.
        raise TrainingError(
            f"{VARIABLE} is no address of a database of Optuna's; write it as "
            "postgresql://user:password@host:5432/database or sqlite:////folder/study.db. Optuna's "
            "journal files keep no heartbeats, so a killed worker's trial would never be retried"
        )
    # SQLAlchemy leaves what stands behind the question mark.
    return without_password(parsed.render_as_string(hide_password=True))


def _serves_processes(url: URL) -> bool:
    if url.get_backend_name() == "sqlite":
        return url.database not in (None, "", ":memory:")
    return url.get_backend_name() in ("postgresql", "mysql")


def join_study(storage: RDBStorage, name: str) -> optuna.Study:
    """Open the study of this name; whoever comes first makes it."""
    return optuna.create_study(study_name=name, storage=storage, load_if_exists=True)
