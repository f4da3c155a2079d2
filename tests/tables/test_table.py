"""Each table: what fits is written as it stands and read back the same; all else is refused."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.errors import TableError
from aislewatch.tables.ingest import FINGERPRINTS
from aislewatch.tables.split import SPLITS
from aislewatch.tables.table import Table
from aislewatch.tables.validate import DUPLICATES, VIDEOS
from tests.tables.all_tables import TABLES, frames

every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def there(table: Table, folder: Path) -> Table:
    """The table in a folder of the test's own."""
    return table.at(folder / table.path.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of hypothesis: each writes over the last."""
    return tmp_path_factory.mktemp("tables")


@every_table
@given(data=st.data())
@settings(max_examples=15)
def test_a_frame_that_fits_is_read_back_as_it_was(
    table: Table, folder: Path, data: st.DataObject
) -> None:
    """So the room changes no byte of what a stage made: dvc.yaml need not depend on it."""
    frame, own = data.draw(frames(table)), there(table, folder)
    if table is FINGERPRINTS:
        own.write_groups([frame, frame.head(1)])
        frame = pd.concat([frame, frame.head(1)], ignore_index=True)
        back = pd.concat(own.read_groups(), ignore_index=True).astype(own.dtypes)
    else:
        own.write(frame)
        back = own.read()
        if table.path.suffix == ".csv":
            # Nothing but the types says what 1.0 was.
            back = back.astype(own.dtypes)
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    pd.testing.assert_frame_equal(own.read(own.names[:2]), back[own.names[:2]], check_exact=True)


@every_table
@given(data=st.data())
@settings(max_examples=10)
def test_any_other_frame_is_refused_and_the_file_stays(
    table: Table, folder: Path, data: st.DataObject
) -> None:
    frame, own = data.draw(frames(table)), there(table, folder)
    own.path.write_text("as it was")
    column = data.draw(st.sampled_from(table.columns))
    refused(own, frame.drop(columns=column.name), column.name, "is missing")
    other = frame.assign(**{column.name: frame[column.name].astype("category")})
    refused(own, other, column.name, f"is of type category, {column.dtype} was expected")
    if table.further:
        refused(own, frame.assign(floor=1), "floor", "is of type int64, str was expected")
    else:
        refused(own, frame.assign(floor=1), "floor", "is unknown")
    turned = frame[[*reversed(table.names), *frame.columns[len(table.columns) :]]]
    refused(own, turned, table.names[-1], f"stands where {table.names[0]!r} was expected")
    twice = pd.concat([frame, frame[table.names[0]]], axis=1)
    refused(own, twice, table.names[0], "stands there twice")
    assert own.path.read_text() == "as it was"


def refused(table: Table, frame: pd.DataFrame, column: str, fault: str) -> None:
    """Both ways of writing name table and column and what was expected of it."""
    for write in (table.write, lambda frame: table.write_groups([frame])):
        with pytest.raises(TableError) as error:
            write(frame)
        told = str(error.value)
        assert told.startswith(f"{table.path}, column {column!r}: ")
        assert fault in told


@every_table
def test_a_missing_or_damaged_table_is_told_with_what_makes_it(
    table: Table, tmp_path: Path
) -> None:
    own = there(table, tmp_path)
    remedy = f"dvc repro {table.stage}" if table.stage else "take it back from git"
    reads = [own.read] + [lambda: list(own.read_groups())] * (table.path.suffix == ".parquet")
    for read in reads:
        with pytest.raises(TableError, match=rf"{own.path} is missing; .*{remedy}"):
            read()
    own.path.write_bytes(b"")
    for read in reads:
        with pytest.raises(TableError, match=rf"{own.path} cannot be read .*{remedy}"):
            read()


def test_a_column_that_the_file_lacks_is_told(tmp_path: Path) -> None:
    for table in (SPLITS, DUPLICATES):
        own = there(table, tmp_path)
        own.write(own.frame([]))
        with pytest.raises(TableError, match=r"cannot be read .*floor"):
            own.read(["floor"])


def test_further_columns_come_after_the_declared_ones(tmp_path: Path) -> None:
    own = there(VIDEOS, tmp_path)
    row = own.frame([("a/1.mp4", "a", "a", "", "", "")]).assign(store="Ghent")
    own.write(row)
    assert list(own.read()) == [*VIDEOS.names, "store"]
    refused(own, row[["store", *VIDEOS.names]], "store", "stands where 'video' was expected")
