"""Opens the desk's database: SQLite in the live folder, or PostgreSQL by its address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from aislewatch.desk.schema import HEAD, METADATA
from aislewatch.errors import DeskError

FILE = "desk.sqlite3"
# In the environment, not an option: an address may hold a password, and options are in `ps`.
VARIABLE = "AISLEWATCH_DESK_DATABASE"

# What the first entry of the log follows.
FIRST = "0" * 64

# Seconds to wait for another writer; each holds the lock for milliseconds.
BUSY_S = 15


def address_of(live: Path) -> str:
    """Return the address in the environment, else that of a SQLite file in the live folder."""
    return os.environ.get(VARIABLE) or f"sqlite:///{(live / FILE).resolve()}"


class Database:
    """Holds the way to the desk's tables, which it makes where they are missing.

    Args:
        address: SQLAlchemy's, as ``sqlite:////path`` or ``postgresql://user@host/name``.

    Raises:
        DeskError: nobody answers there, or the file is no database.
    """

    def __init__(self, address: str) -> None:
        try:
            self._engine = create_engine(address, pool_pre_ping=True)
            if self._engine.dialect.name == "sqlite":
                event.listen(self._engine, "connect", _set_up_sqlite)
                event.listen(self._engine, "begin", _begin_sqlite)
            METADATA.create_all(self._engine)
            with self.reading() as connection:
                empty = connection.execute(select(HEAD.c.id)).first() is None
            if empty:
                self._first_head()
        except SQLAlchemyError as error:
            # The address may hold a password: it is not repeated.
            cause = str(getattr(error, "orig", error)).split("\n")[0]
            raise DeskError(
                f"the desk's database does not open ({cause}); correct {VARIABLE}, or remove it "
                f"to use the file {FILE} in the live folder"
            ) from None

    def _first_head(self) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(HEAD).values(id=1, number=0, digest=FIRST))
        except IntegrityError:
            pass  # Another process that started at the same time was first.

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the tables."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Yield a connection that alone may change the tables; all is kept at its end, or nothing.

        A change that was kept survives a power cut.
        """
        with self._engine.execution_options(writes=True).begin() as connection:
            connection.execute(select(HEAD.c.number).with_for_update())
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # else the driver begins transactions behind our back
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that becomes a writer fails where another wrote between; a writer locks at once.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
