"""Lets MLflow's local store follow its project when that was moved or copied.

MLflow keeps the absolute address of every artifact. After ``mv`` they lead nowhere; after ``cp -a``
they lead into the original, which a copy would read, and write into. So the database says where it
lay when they were written, and whoever opens it elsewhere first lets them follow it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

# Seconds to wait for another program that writes: a write of MLflow's takes milliseconds.
WAIT_S = 8.0

# A tag of the store's first experiment: the folder that the database lay in.
HOME_TAG = "aislewatch.home"
ARTIFACTS = "mlartifacts"

# What MLflow 3.17 keeps absolute addresses in; tests look through every column of a real store.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow(database: Path) -> None:
    """Let the addresses in a store follow its database, if that was moved or copied.

    Args:
        database: MLflow's SQLite file; one whose tables are not made yet stays as it is.

    Raises:
        sqlite3.Error: it is locked, damaged, or may not be written though it would have to be.
    """
    home = database.parent
    with closing(sqlite3.connect(database, timeout=WAIT_S, isolation_level=None)) as store:
        if not _tables(store) or _home(store) == home:
            return
        store.execute("BEGIN IMMEDIATE")
        # Another command may have been first.
        before = _home(store) or _guessed_home(store, home)
        if before != home:
            _replace(store, before.as_uri(), home.as_uri())
            _replace(store, str(before), str(home))
        store.execute(
            "INSERT OR REPLACE INTO experiment_tags (key, value, experiment_id) "
            "SELECT ?, ?, min(experiment_id) FROM experiments",
            (HOME_TAG, str(home)),
        )
        store.execute("COMMIT")


def has_tables(database: Path) -> bool:
    """Say whether MLflow has made its tables in a SQLite file.

    Raises:
        sqlite3.Error: it is locked or damaged.
    """
    if not database.exists():
        return False
    with closing(sqlite3.connect(database, timeout=WAIT_S)) as store:
        return _tables(store)


def _tables(store: sqlite3.Connection) -> bool:
    named = "SELECT 1 FROM sqlite_master WHERE name = 'experiments'"
    # Its first experiment is what MLflow makes last.
    first = "SELECT 1 FROM experiments"
    return all(store.execute(asked).fetchone() is not None for asked in (named, first))


def _home(store: sqlite3.Connection) -> Path | None:
    found = store.execute("SELECT value FROM experiment_tags WHERE key = ?", (HOME_TAG,)).fetchone()
    return Path(found[0]) if found else None


def _guessed_home(store: sqlite3.Connection, home: Path) -> Path:
    """Find where a store without the tag lay: beside its artifacts, unless those stayed behind."""
    for (address,) in store.execute("SELECT artifact_location FROM experiments"):
        folder = Path(unquote(address.removeprefix("file://")))
        if folder.name == ARTIFACTS and folder.parent != home:
            moved = (home / ARTIFACTS).exists() or not folder.exists()
            return folder.parent if moved else home
    return home


def _replace(store: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in ADDRESSES:
        store.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
            f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
            (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
        )
