"""data/assignments.csv, the memory of the split: how it is read, refused and added to."""

from pathlib import Path

import pandas as pd
import pytest

from aislewatch.errors import SplitError
from aislewatch.split.memory import accept, read_assignments
from tests.split_tables import (
    videos_of,
)

HEADER = "video,sha256,split\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no CSV"),
        ("video,split\n", "has the columns video, split"),
        (HEADER + "s/a,1,training\n", "row 2: 'training' is no side"),
        (HEADER + "s/a,1,train\ns/b,2,val\ns/c,1,test\n", r"rows 2, 4: the same file"),
        (HEADER + "s/a,1,train,more\n", "is no side"),
    ],
)
def test_a_broken_memory_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "assignments.csv"
    path.write_text(text)
    with pytest.raises(SplitError, match=says):
        read_assignments(path)


def test_a_missing_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="git checkout"):
        read_assignments(tmp_path / "assignments.csv")


def accepting(folder: Path, splits: dict[str, str], digests: dict[str, str]) -> int:
    """``aislewatch split accept`` on these tables."""
    frame = pd.DataFrame({"video": list(splits), "split": list(splits.values())}, dtype="str")
    pd.concat([frame, frame]).to_parquet(folder / "splits.parquet")
    videos_of(list(digests), list(digests.values())).to_parquet(folder / "catalog.parquet")
    return accept(*(folder / n for n in ("splits.parquet", "catalog.parquet", "assignments.csv")))


def test_accepting_appends_and_leaves_old_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "assignments.csv"
    path.write_text(HEADER + "s/z,9,val")
    assert accepting(tmp_path, {"s/b": "test", "s/a": "train"}, {"s/a": "1", "s/b": "2"}) == 2
    assert path.read_text() == HEADER + "s/z,9,val\ns/a,1,train\ns/b,2,test\n"
    stamp = path.stat().st_mtime_ns
    assert accepting(tmp_path, {"s/b": "test", "s/a": "train"}, {"s/a": "1", "s/b": "2"}) == 0
    assert path.stat().st_mtime_ns == stamp
    assert accepting(tmp_path, {"s/c, d": "test"}, {"s/c, d": "2"}) == 1
    assert read_assignments(path).iloc[-1].tolist() == ["s/c, d", "2", "test"]


def test_a_split_of_other_tables_is_not_accepted(tmp_path: Path) -> None:
    path = tmp_path / "assignments.csv"
    path.write_text(HEADER + "s/a,1,val\n")
    for splits, digests in [({"s/a": "train"}, {"s/a": "1"}), ({"s/b": "train"}, {"s/a": "1"})]:
        with pytest.raises(SplitError, match="does not belong to"):
            accepting(tmp_path, splits, digests)
    assert path.read_text() == HEADER + "s/a,1,val\n"
    with pytest.raises(SplitError, match="run `dvc repro split` first"):
        accept(tmp_path / "none.parquet", tmp_path / "catalog.parquet", path)
