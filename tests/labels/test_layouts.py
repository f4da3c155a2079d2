"""Layouts as such: each is a module of the room with its name in the configuration."""

from pathlib import Path
from typing import get_args

from aislewatch.config.data import Layout
from aislewatch.labels.layouts import READERS
from tests.code_closure import ROOT


def test_a_layout_is_a_module_and_a_word() -> None:
    modules = {
        path.stem
        for path in Path(ROOT / "aislewatch/labels").glob("*.py")
        if "\ndef read_labels(" in path.read_text()
    }
    assert modules == set(get_args(Layout)) == set(READERS)
