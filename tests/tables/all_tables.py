"""Every declared table, and frames that fit it."""

from typing import Any

import pandas as pd
from hypothesis import strategies as st

from aislewatch.tables import evaluate, ingest, people, score, segment, split, train, validate
from aislewatch.tables.table import Column, Table

TABLES = {
    table.path.name: table
    for module in (ingest, people, validate, segment, split, evaluate)
    for table in vars(module).values()
    if isinstance(table, Table)
} | {"curve": train.curve_of("convlstm"), "scores": score.scores_of("convlstm")}

# Names as files have them: a comma, quotes, NA, a line's end, other scripts; no lone surrogates.
TEXTS = st.one_of(
    st.sampled_from(["", "NA", "nan", "1", "a,b", 'a "b"', "a\nb", " a ", "ångström/日本.mp4"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8),
)
WHOLE = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXTS,
    "int64": WHOLE,
    "Int64": st.none() | WHOLE,
    "float64": st.floats(allow_nan=True, allow_infinity=False),
    "bool": st.booleans(),
    "object": st.binary(max_size=8),
}


@st.composite
def frames(draw: st.DrawFn, table: Table) -> pd.DataFrame:
    """A frame that fits the table, with further columns where it may have them; maybe empty."""
    columns = table.columns
    if table.further:
        columns += (Column("store", table.further, ""), Column("day", table.further, ""))
    length = draw(st.integers(0, 4))
    return pd.DataFrame(
        {
            column.name: pd.Series(
                draw(st.lists(VALUES[column.dtype], min_size=length, max_size=length)),
                dtype=column.dtype,
            )
            for column in columns
        }
    )
