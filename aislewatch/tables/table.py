"""Declares a table once: where it lies, its columns, what they mean; and reads and writes it.

Nothing here changes a value: a frame that fits is written as it stands, by ``aislewatch.files``,
and any other is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aislewatch.errors import TableError
from aislewatch.files import write_csv, write_parquet, write_parquet_groups

# The type in a Parquet file of each type that a column may have in pandas.
ARROW = {
    "str": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "Int64": pa.int64(),
    "object": pa.binary(),
}


@dataclass(frozen=True)
class Column:
    """One column: its name, its type in pandas, what it means, and the unit of its numbers.

    ``object`` holds bytes; ``Int64`` holds whole numbers that may be missing.
    """

    name: str
    dtype: str
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the pipeline.

    Args:
        path: where it lies; the suffix, ``.csv`` or ``.parquet``, is its format.
        stage: the stage of ``dvc.yaml`` that writes it, or ``""`` where a person does.
        row: what a row is.
        columns: all columns, in the file's order.
        further: type of the columns that may follow those, under any name; ``""`` where none may.
    """

    path: Path
    stage: str
    row: str
    columns: tuple[Column, ...]
    further: str = ""

    @property
    def names(self) -> list[str]:
        """List the columns' names, in order."""
        return [column.name for column in self.columns]

    @property
    def dtypes(self) -> dict[str, str]:
        """Return the columns' types in pandas, by name."""
        return {column.name: column.dtype for column in self.columns}

    def at(self, path: Path) -> "Table":
        """Return the same table at another place."""
        return replace(self, path=path)

    def frame(self, rows: Iterable[Sequence[object]]) -> pd.DataFrame:
        """Make a frame of rows whose values stand in the columns' order; there may be none."""
        return pd.DataFrame(list(rows), columns=self.names).astype(self.dtypes)

    def check(self, frame: pd.DataFrame) -> None:
        """Refuse a frame that is not this table.

        Raises:
            TableError: a column is missing, unknown, at another place or of another type.
        """
        found = [str(name) for name in frame.columns]
        for name in self.names:
            if name not in found:
                self._refuse(name, "is missing")
        for name in found:
            if name not in self.names and not self.further:
                self._refuse(name, f"is unknown; the columns are {', '.join(self.names)}")
            if found.count(name) > 1:
                self._refuse(name, "stands there twice")
        for name, expected in zip(found, self.names, strict=False):
            if name != expected:
                self._refuse(name, f"stands where {expected!r} was expected")
        for name, dtype in zip(found, frame.dtypes, strict=True):
            expected = self.dtypes.get(name, self.further)
            if str(dtype) != expected:
                self._refuse(name, f"is of type {dtype}, {expected} was expected")

    def write(self, frame: pd.DataFrame, float_format: str | None = None) -> None:
        """Write the table, whole or not at all.

        Args:
            frame: the rows, in the order in which the file is to have them.
            float_format: how a CSV spells its floats; None: so that they are read back exactly.

        Raises:
            TableError: the frame does not fit; what was there before stays.
        """
        self.check(frame)
        if self.path.suffix == ".csv":
            write_csv(self.path, frame, float_format)
        else:
            write_parquet(self.path, frame)

    def write_groups(self, frames: Iterable[pd.DataFrame]) -> None:
        """Write a Parquet table of which only one frame at a time fits in memory.

        Args:
            frames: the rows, in order; each frame becomes a group of rows.

        Raises:
            TableError: a frame does not fit; what was there before stays.
        """
        schema = pa.schema([(column.name, ARROW[column.dtype]) for column in self.columns])
        write_parquet_groups(self.path, schema, map(self._checked, frames))

    def read(self, columns: list[str] | None = None) -> pd.DataFrame:
        """Read the table, or these columns of it.

        Raises:
            TableError: it is missing or damaged, or lacks a column that was asked for.
        """
        try:
            if self.path.suffix == ".csv":
                return self._read_csv(columns)
            return pd.read_parquet(self.path, columns=columns)
        except FileNotFoundError:
            raise TableError(f"{self.path} is missing; {self._remedy()}") from None
        except (pa.ArrowException, ValueError) as error:
            raise TableError(f"{self.path} cannot be read ({error}); {self._remedy()}") from None

    def read_groups(self) -> Iterator[pd.DataFrame]:
        """Read a Parquet table a group of rows at a time.

        Raises:
            TableError: it is missing or damaged.
        """
        try:
            with pq.ParquetFile(self.path) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group).to_pandas()
        except FileNotFoundError:
            raise TableError(f"{self.path} is missing; {self._remedy()}") from None
        except pa.ArrowException as error:
            raise TableError(f"{self.path} cannot be read ({error}); {self._remedy()}") from None

    def _read_csv(self, columns: list[str] | None) -> pd.DataFrame:
        # Types are stated because the table may be empty; a video may be called NA, a name may
        # be empty, and only where a number is expected does nothing mean that it is missing.
        numbers = [column.name for column in self.columns if column.dtype != "str"]
        return pd.read_csv(
            self.path,
            usecols=columns,
            dtype=self.dtypes,
            keep_default_na=False,
            na_values={name: [""] for name in numbers},
        )

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.check(frame)
        return frame

    def _refuse(self, column: str, fault: str) -> None:
        raise TableError(f"{self.path}, column {column!r}: {fault}")

    def _remedy(self) -> str:
        if not self.stage:
            return "take it back from git"
        return f"run the {self.stage} stage first (dvc repro {self.stage})"
