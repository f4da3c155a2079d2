"""docs/data.md describes every table as it is declared."""

from aislewatch.tables.describe import DOCUMENT, TABLES, filled
from tests.code_closure import ROOT
from tests.tables import all_tables


def test_the_document_is_up_to_date() -> None:
    text = (ROOT / DOCUMENT).read_text()
    assert filled(text) == text, "run `python -m aislewatch.tables.describe`"


def test_no_table_is_forgotten() -> None:
    declared = {table.row for table in all_tables.TABLES.values()}
    assert {table.row for table in TABLES} == declared


def test_a_changed_meaning_changes_the_document() -> None:
    text = (ROOT / DOCUMENT).read_text()
    stale = text.replace("its length in the store", "how long it is")
    assert stale != text
    assert filled(stale) == text
